// The schema's history in both dialects, compiled in from migrations/*/*.sql; number N brings
// schema N-1 to N. A migration that was released never changes: the next one does.
#pragma once

namespace cambrian {

inline constexpr const char* kSqliteMigrations[] = {
#include "server/store/sqlite_migrations.inc"
};

inline constexpr const char* kPostgresMigrations[] = {
#include "server/store/postgres_migrations.inc"
};

}  // namespace cambrian
