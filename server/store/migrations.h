// The schema's history, compiled in from migrations/*.sql; number N brings schema N-1 to N.
#pragma once

namespace cambrian {

inline constexpr const char* kMigrations[] = {
#include "server/store/migrations.inc"
};

}  // namespace cambrian
