// Labelled examples in memory, and the readers that bring them there.
//
// Everything in a file is hostile until checked: sizes before they are allocated, labels before
// they are used. An error names the file and the record: "train-images-idx3-ubyte.gz: record
// 31,002: file ends after 12 of 784 bytes".
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/nas/shape.h"
#include "nlohmann/json.hpp"

namespace cambrian {

// Example after example. The values of one lie position by position (an image's rows from top to
// bottom), channels innermost: the memory of a `channels_last` batch. Plain data.
struct Examples {
  Shape shape;                  // of one example
  std::vector<uint8_t> bytes;   // images,
  std::vector<float> floats;    // or tables; the other one is empty
  std::vector<int32_t> labels;  // 0 … classes - 1

  int64_t Count() const { return static_cast<int64_t>(labels.size()); }
};

// Plain data.
struct DataSet {
  Examples train;
  Examples test;  // may be empty
  int64_t classes = 0;
  // By channel, over the training examples: what a network sees is (value - mean) / deviation.
  std::vector<float> mean;
  std::vector<float> deviation;  // > 0
  std::string sha256;            // of shapes, values and labels: the same for .gz and plain files

  Task task() const { return {train.shape, classes}; }
};

// What a study's `data:` asks for. Plain data.
struct DataRequest {
  enum class Format { kIdx, kCifar10, kCsv, kImages };
  Format format = Format::kIdx;
  std::string path;            // a folder; the file for kCsv
  std::string label;           // csv: the label's column
  std::vector<int64_t> shape;  // [channels, axes…]; csv: of a row's values; images: to check
  double test = 0;             // csv, images without a test folder: share kept for the test, [0, 1)
  double validation = 0.1;     // share of the training examples, (0, 1)
  std::string sha256;          // what the study was made with; empty: not known
};

// \error kInvalidArgument that names the key.
absl::StatusOr<DataRequest> ParseDataRequest(const nlohmann::json& json);

// Reads, checks and describes the data. \error kNotFound, kInvalidArgument, kResourceExhausted
absl::StatusOr<DataSet> LoadDataSet(const DataRequest& request);

// The readers, a file each. Each fills train, test and classes of a DataSet, nothing else.

// MNIST's files, plain or .gz: `folder`/train-images-idx3-ubyte, train-labels-idx1-ubyte,
// t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte; the test files may be absent.
absl::StatusOr<DataSet> ReadIdx(const std::string& folder);

// CIFAR-10's binary version: `folder`/data_batch_1.bin … (as many of the five as there are) and
// test_batch.bin, which may be absent.
absl::StatusOr<DataSet> ReadCifar10(const std::string& folder);

// A table with a header line. Labels are whole numbers or words; the distinct ones, sorted, are the
// classes. Without `shape` an example is a row of numbers; with it, an image or a sequence
// [channels, axes…] whose values stand row-major.
absl::StatusOr<DataSet> ReadCsv(const std::string& file, const std::string& label,
                                const std::vector<int64_t>& shape);

// `folder`/train/CLASS/*.png|jpg|jpeg and `folder`/test/CLASS/…, or `folder`/CLASS/…. Classes are
// the sorted names of the folders. Grey if the first image is (or `shape` says so), else RGB.
absl::StatusOr<DataSet> ReadImages(const std::string& folder, const std::vector<int64_t>& shape);

// "31,002"
std::string WithCommas(int64_t number);

}  // namespace cambrian
