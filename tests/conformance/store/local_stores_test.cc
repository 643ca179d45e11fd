// The stores that need nothing but this process and its disk.
#include <memory>

#include "server/store/memory.h"
#include "server/store/sqlite.h"
#include "tests/conformance/store/store_home.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian {
namespace {

class MemoryHome : public StoreHome {
 public:
  std::unique_ptr<TrialStore> Open() override { return NewMemoryStore(clock_); }
  TrialStore* Second(TrialStore& first) override { return &first; }
  std::string Url() override { return ""; }
  void Pass(absl::Duration duration) override { clock_.Advance(duration); }

 private:
  testing::FakeClock clock_;
};

class SqliteHome : public StoreHome {
 public:
  std::unique_ptr<TrialStore> Open() override {
    return OpenSqliteStore(folder_ / "test.db").value();
  }
  TrialStore* Second(TrialStore&) override { return nullptr; }
  std::string Url() override { return "sqlite:" + (folder_ / "test.db"); }
  void Pass(absl::Duration) override {}

 private:
  testing::TemporaryFolder folder_;
};

const StoreKind kMemory = {"Memory", [](std::string*) { return std::make_unique<MemoryHome>(); }};
const StoreKind kSqlite = {"Sqlite", [](std::string*) { return std::make_unique<SqliteHome>(); }};

std::string NameOf(const ::testing::TestParamInfo<StoreKind>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Stores, StoreConformanceTest, ::testing::Values(kMemory, kSqlite), NameOf);
// SQLite's store keeps a second server out, and nobody queries memory.
INSTANTIATE_TEST_SUITE_P(Stores, SharedStoreTest, ::testing::Values(kMemory), NameOf);
INSTANTIATE_TEST_SUITE_P(Stores, ResultsTest, ::testing::Values(kSqlite), NameOf);

}  // namespace
}  // namespace cambrian
