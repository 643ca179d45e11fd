// IDX files (http://yann.lecun.com/exdb/mnist), plain or gzip.
#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "worker/torch/dataset.h"
#include "worker/torch/record_file.h"

namespace cambrian {
namespace {

constexpr int64_t kMaxRecords = 100'000'000;
constexpr int64_t kMaxSide = 65'536;

// `folder`/`name`, or with ".gz"; empty if neither is there.
std::string Find(const std::string& folder, const std::string& name) {
  for (const std::string& candidate : {name, name + ".gz"}) {
    const std::filesystem::path path = std::filesystem::path(folder) / candidate;
    std::error_code error;
    if (std::filesystem::is_regular_file(path, error)) return path;
  }
  return "";
}

// The sizes in the header: `axes` of them, of unsigned bytes.
absl::StatusOr<std::vector<int64_t>> ReadHeader(RecordFile& file, size_t axes) {
  ASSIGN_OR_RETURN(const std::vector<uint8_t> header,
                   file.ReadHeader(static_cast<int64_t>(4 + 4 * axes)));
  if (header[0] != 0 || header[1] != 0 || header[2] != 8 || header[3] != axes) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.name(), ": not an IDX file of bytes with ", axes, " axes"));
  }
  std::vector<int64_t> sizes;
  for (size_t axis = 0; axis < axes; ++axis) {
    int64_t size = 0;
    for (size_t i = 0; i < 4; ++i) size = size * 256 + header[4 + 4 * axis + i];
    const int64_t most = axis == 0 ? kMaxRecords : kMaxSide;
    if (size < 1 || size > most) {
      return absl::InvalidArgumentError(absl::StrCat(file.name(), ": size ", WithCommas(size),
                                                     " of axis ", axis, " is not 1 … ",
                                                     WithCommas(most)));
    }
    sizes.push_back(size);
  }
  return sizes;
}

// `count` records, not allocated before they are there.
absl::StatusOr<std::vector<uint8_t>> ReadRecords(RecordFile& file, int64_t count, int64_t bytes) {
  std::vector<uint8_t> records;
  for (int64_t i = 0; i < count; ++i) RETURN_IF_ERROR(file.ReadRecord(bytes, records));
  RETURN_IF_ERROR(file.ExpectEnd());
  return records;
}

absl::StatusOr<Examples> ReadImagesAndLabels(const std::string& images, const std::string& labels) {
  Examples examples;
  ASSIGN_OR_RETURN(RecordFile image_file, RecordFile::Open(images));
  ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, ReadHeader(image_file, 3));
  ASSIGN_OR_RETURN(RecordFile label_file, RecordFile::Open(labels));
  ASSIGN_OR_RETURN(const std::vector<int64_t> count, ReadHeader(label_file, 1));
  if (count[0] != sizes[0]) {
    return absl::InvalidArgumentError(absl::StrCat(label_file.name(), ": ", WithCommas(count[0]),
                                                   " labels for ", WithCommas(sizes[0]),
                                                   " images in ", image_file.name()));
  }
  examples.shape = {1, {sizes[1], sizes[2]}};
  ASSIGN_OR_RETURN(examples.bytes, ReadRecords(image_file, sizes[0], sizes[1] * sizes[2]));
  ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, ReadRecords(label_file, count[0], 1));
  examples.labels.assign(bytes.begin(), bytes.end());
  return examples;
}

absl::StatusOr<Examples> ReadPart(const std::string& folder, const std::string& part) {
  const std::string images = Find(folder, part + "-images-idx3-ubyte");
  const std::string labels = Find(folder, part + "-labels-idx1-ubyte");
  if (images.empty() || labels.empty()) {
    return absl::NotFoundError(absl::StrCat(
        folder, ": no file ", part, images.empty() ? "-images-idx3-ubyte" : "-labels-idx1-ubyte",
        " or the same with .gz"));
  }
  return ReadImagesAndLabels(images, labels);
}

absl::Status CheckTest(const DataSet& data) {
  if (data.test.shape != data.train.shape) {
    return absl::InvalidArgumentError(absl::StrCat("t10k-images: ", data.test.shape.ToString(),
                                                   ", the training images are ",
                                                   data.train.shape.ToString()));
  }
  for (int64_t i = 0; i < data.test.Count(); ++i) {
    if (data.test.labels[i] >= data.classes) {
      return absl::InvalidArgumentError(
          absl::StrCat("t10k-labels: record ", WithCommas(i + 1), ": label ", data.test.labels[i],
                       " is out of range; training has 0 … ", data.classes - 1));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DataSet> ReadIdx(const std::string& folder) {
  DataSet data;
  ASSIGN_OR_RETURN(data.train, ReadPart(folder, "train"));
  data.classes = 1 + *std::max_element(data.train.labels.begin(), data.train.labels.end());
  // Without test images there is no test set; with them, their labels must be there as well.
  if (Find(folder, "t10k-images-idx3-ubyte").empty()) return data;
  ASSIGN_OR_RETURN(data.test, ReadPart(folder, "t10k"));
  RETURN_IF_ERROR(CheckTest(data));
  return data;
}

}  // namespace cambrian
