// CIFAR-10's binary version: records of a label and 3 × 32 × 32 pixels, plane by plane
// (https://www.cs.toronto.edu/~kriz/cifar.html).
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "worker/torch/dataset.h"
#include "worker/torch/record_file.h"

namespace cambrian {
namespace {

constexpr int64_t kClasses = 10;
constexpr int64_t kChannels = 3;
constexpr int64_t kSide = 32;
constexpr int64_t kPixels = kSide * kSide;
constexpr int64_t kRecordBytes = 1 + kChannels * kPixels;

absl::Status AppendFile(const std::string& path, Examples& examples) {
  ASSIGN_OR_RETURN(RecordFile file, RecordFile::Open(path));
  std::vector<uint8_t> record;
  while (!file.AtEnd()) {
    record.clear();
    RETURN_IF_ERROR(file.ReadRecord(kRecordBytes, record));
    if (record[0] >= kClasses) {
      return absl::InvalidArgumentError(
          absl::StrCat(file.name(), ": record ", WithCommas(file.records()), ": label ",
                       static_cast<int>(record[0]), " is out of range 0 … 9"));
    }
    examples.labels.push_back(record[0]);
    for (int64_t pixel = 0; pixel < kPixels; ++pixel) {
      for (int64_t c = 0; c < kChannels; ++c) {
        examples.bytes.push_back(record[1 + c * kPixels + pixel]);
      }
    }
  }
  return absl::OkStatus();
}

bool Exists(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

}  // namespace

absl::StatusOr<DataSet> ReadCifar10(const std::string& folder) {
  const std::filesystem::path path(folder);
  DataSet data;
  data.classes = kClasses;
  data.train.shape = data.test.shape = {kChannels, {kSide, kSide}};
  for (int i = 1; i <= 5; ++i) {
    const std::filesystem::path batch = path / absl::StrCat("data_batch_", i, ".bin");
    if (i == 1 || Exists(batch)) RETURN_IF_ERROR(AppendFile(batch, data.train));
  }
  const std::filesystem::path test = path / "test_batch.bin";
  if (Exists(test)) RETURN_IF_ERROR(AppendFile(test, data.test));
  return data;
}

}  // namespace cambrian
