// The store in one SQLite file: for one server on one machine.
//
// WAL, synchronous=FULL: what `Commit` has returned OK for survives a crash and a power cut. One
// connection writes, one reads beside it. A lock file beside the database keeps a second server out
// until this one ends, however it ends.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/store/interface.h"

namespace cambrian {

// Opens or creates the database and brings its schema up to date.
// \error kFailedPrecondition if another server uses it, or if it is newer than this program;
// kUnavailable.
absl::StatusOr<std::unique_ptr<TrialStore>> OpenSqliteStore(const std::string& path);

// A database that is there, for reading only: beside the server that uses it, or without one. What
// writes fails. \error kUnavailable; kFailedPrecondition if its schema is not this program's.
absl::StatusOr<std::unique_ptr<TrialStore>> OpenSqliteStoreForReading(const std::string& path);

}  // namespace cambrian
