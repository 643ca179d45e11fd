// The suite of the `store_*_test.cc`, for whoever names the stores that go through it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/store/interface.h"

namespace cambrian {

// Where a store's data are while a test runs.
class StoreHome {
 public:
  virtual ~StoreHome() = default;
  // A store, empty at first; one at a time.
  virtual std::unique_ptr<TrialStore> Open() = 0;
  // What another server sees of the same storage while `first` is open, where that is possible.
  virtual TrialStore* Second(TrialStore& first) = 0;
  // For `RunQuery`; empty: there is none.
  virtual std::string Url() = 0;
  // Lets time pass for the terms of epochs.
  virtual void Pass(absl::Duration duration) = 0;
};

struct StoreKind {
  const char* name;
  // Null, and why, where what it needs is absent.
  std::function<std::unique_ptr<StoreHome>(std::string* reason)> make;
};

class StoreConformanceTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override;
  absl::Status Commit(Batch batch);
  // A study with some trials.
  void Fill(int64_t study, int64_t trials);

  std::unique_ptr<StoreHome> home_;
  std::unique_ptr<TrialStore> store_;
  int64_t epoch_ = 0;
  int64_t commits_ = 0;
};

// Two servers on one storage, of which one is active.
class SharedStoreTest : public StoreConformanceTest {};

// The suite of `results_test.cc`: what people read.
class ResultsTest : public StoreConformanceTest {
 protected:
  void SetUp() override;
  // Two studies: five trials of the one, one of the other.
  void WriteResults();
  std::vector<std::vector<std::string>> Ask(const std::string& sql);
  // A column that is a time, as "2023-11-14 22:13:20" in both dialects.
  std::string Time(const std::string& column);

  std::string url_;
};

}  // namespace cambrian
