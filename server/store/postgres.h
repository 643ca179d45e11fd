// The store in a PostgreSQL database: for servers that stand by for each other, and for many
// workers.
//
// One connection writes, a few read. A batch is one statement, whatever its size: one round trip,
// and a transaction of its own, which writes nothing unless the epoch is still its server's. The
// database's clock measures the terms of epochs. A connection that breaks is replaced by the next
// call; a read tries that once by itself. A database that does not answer in time counts as away.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/store/interface.h"

namespace cambrian {

struct PostgresOptions {
  absl::Duration timeout = absl::Seconds(20);  // of one statement
};

// Connects and brings the schema up to date; servers that start together wait for each other. `url`
// is postgresql://USER@HOST:PORT/NAME, or whatever libpq reads. No error has its password in it.
// \error kInvalidArgument for a URL that cannot be read; kFailedPrecondition if the database is
// newer than this program; kUnavailable.
absl::StatusOr<std::unique_ptr<TrialStore>> OpenPostgresStore(const std::string& url,
                                                              const PostgresOptions& options = {});

}  // namespace cambrian
