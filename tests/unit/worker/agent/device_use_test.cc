#include "worker/agent/device_use.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian {
namespace {

TEST(DeviceUseTest, ReadsALineForEachGpu) {
  const auto devices = ParseDeviceUse("0, 1024, 81559, 37\n1, 0, 81559, 0\r\n");
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[0].device(), "cuda:0");
  EXPECT_EQ(devices[0].memory_used_bytes(), int64_t{1} << 30);
  EXPECT_EQ(devices[0].memory_bytes(), int64_t{81559} << 20);
  EXPECT_EQ(devices[0].utilization(), 0.37);
  EXPECT_EQ(devices[1].device(), "cuda:1");
}

TEST(DeviceUseTest, LeavesOutWhatItCannotRead) {
  for (const char* text :
       {"", "\n\n", "NVIDIA-SMI has failed because it couldn't communicate with the driver.",
        "No devices were found\n", "0, 1, 2", "0, 1, 2, 3, 4", "x, 1, 2, 3", "-1, 1, 2, 3",
        "99999999999999999999, 1, 2, 3", "\xff\xfe, 1, 2, 3"}) {
    EXPECT_TRUE(ParseDeviceUse(text).empty()) << text;
  }
  const auto partly = ParseDeviceUse("0, [N/A], 81559, [Not Supported]\n1, -5, 1e9, 101\n");
  ASSERT_EQ(partly.size(), 2u);
  EXPECT_EQ(partly[0].memory_used_bytes(), 0);
  EXPECT_EQ(partly[0].memory_bytes(), int64_t{81559} << 20);
  EXPECT_EQ(partly[1].memory_used_bytes(), 0);
  EXPECT_EQ(partly[1].memory_bytes(), 0);
  EXPECT_EQ(partly[1].utilization(), 0);
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "1, 1, 1, 1\n";
  EXPECT_LE(ParseDeviceUse(many).size(), 1024u);
}

class DeviceWatchTest : public ::testing::Test {
 protected:
  // Watches a shell's output until `count` changes have been heard of.
  std::vector<std::vector<v1::DeviceUse>> Watch(const std::string& script, size_t count) {
    DeviceWatch watch(
        {.command = {"sh", "-c", script}, .devices = {"cuda:0"}, .interval = absl::Milliseconds(1)},
        Clock::System(), [this](const std::vector<v1::DeviceUse>& devices) {
          const MutexLock lock(&mutex_);
          heard_.push_back(devices);
          news_.SignalAll();
        });
    const absl::Duration deadline = Clock::System().Monotonic() + absl::Seconds(30);
    const MutexLock lock(&mutex_);
    while (heard_.size() < count && Clock::System().Monotonic() < deadline) {
      news_.WaitWithTimeout(&mutex_, absl::Seconds(1));
    }
    return heard_;
  }

  testing::TemporaryFolder folder_;
  Mutex mutex_;
  CondVar news_;
  std::vector<std::vector<v1::DeviceUse>> heard_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(DeviceWatchTest, TellsOfChangesOnly) {
  // 1 % for three questions, then 2 %; the second GPU is not ours.
  const std::string calls = folder_ / "calls";
  const auto heard = Watch("echo x >> " + calls + "; echo '1, 1, 1, 1'; if [ $(wc -l < " + calls +
                               ") -le 3 ]; then echo '0, 1, 1, 1'; else echo '0, 1, 1, 2'; fi",
                           2);
  ASSERT_EQ(heard.size(), 2u);
  ASSERT_EQ(heard[0].size(), 1u);
  EXPECT_EQ(heard[0][0].utilization(), 0.01);
  EXPECT_EQ(heard[1][0].utilization(), 0.02);
}

TEST_F(DeviceWatchTest, EndsThoughTheProgramHangs) {
  DeviceWatch watch({.command = {"sleep", "1000"}, .devices = {"cuda:0"}}, Clock::System(),
                    [](const std::vector<v1::DeviceUse>&) { FAIL(); });
}

TEST_F(DeviceWatchTest, WithoutTheProgramThereIsNothing) {
  DeviceWatch watch({.command = {"/nowhere/nvidia-smi"}, .devices = {"cuda:0"}}, Clock::System(),
                    [](const std::vector<v1::DeviceUse>&) { FAIL(); });
}

}  // namespace
}  // namespace cambrian
