// A file of records of a fixed size, plain or gzip, read from front to back.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cambrian {

// Errors name the file and the record, counted from 1. Not thread-safe.
class RecordFile {
 public:
  // \error kNotFound
  static absl::StatusOr<RecordFile> Open(const std::string& path);

  // The first `bytes` bytes. \error kInvalidArgument if the file is shorter, or is damaged
  absl::StatusOr<std::vector<uint8_t>> ReadHeader(int64_t bytes);
  // Appends the next record of `bytes` bytes to `records`. \error kInvalidArgument if the file ends
  // before, or is damaged
  absl::Status ReadRecord(int64_t bytes, std::vector<uint8_t>& records);
  // Whether nothing is left.
  bool AtEnd();
  // \error kInvalidArgument if something is left
  absl::Status ExpectEnd();

  const std::string& name() const { return name_; }
  int64_t records() const { return records_; }  // read so far

 private:
  struct Closer {
    void operator()(void* file) const;
  };
  RecordFile(std::string name, void* file) : name_(std::move(name)), file_(file) {}
  absl::StatusOr<int64_t> Read(int64_t bytes, std::vector<uint8_t>& to);
  absl::Status ReadPart(const std::string& what, int64_t bytes, std::vector<uint8_t>& to);

  std::string name_;
  std::unique_ptr<void, Closer> file_;  // zlib's
  int64_t records_ = 0;
};

}  // namespace cambrian
