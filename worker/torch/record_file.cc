#include "worker/torch/record_file.h"

#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "worker/torch/dataset.h"

namespace cambrian {
namespace {

constexpr unsigned kBufferBytes = 1 << 18;
constexpr int64_t kMostAtOnce = 1 << 20;

gzFile File(void* file) { return static_cast<gzFile>(file); }

}  // namespace

void RecordFile::Closer::operator()(void* file) const { gzclose(File(file)); }

absl::StatusOr<RecordFile> RecordFile::Open(const std::string& path) {
  std::error_code error;
  const std::string name = std::filesystem::path(path).filename();
  if (!std::filesystem::is_regular_file(path, error)) {
    return absl::NotFoundError(absl::StrCat(path, ": no such file"));
  }
  // zlib reads a file without gzip's header as it is.
  const gzFile file = gzopen(path.c_str(), "rbe");
  if (file == nullptr) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
  gzbuffer(file, kBufferBytes);
  return RecordFile(name, file);
}

// Appends up to `bytes` bytes to `to`, as many as there are; returns their number. Room is made for
// what is there, not for what a header promises.
absl::StatusOr<int64_t> RecordFile::Read(int64_t bytes, std::vector<uint8_t>& to) {
  int64_t done = 0;
  while (done < bytes) {
    const int64_t wanted = std::min(bytes - done, kMostAtOnce);
    const size_t before = to.size();
    to.resize(before + wanted);
    const int count = gzread(File(file_.get()), to.data() + before, static_cast<unsigned>(wanted));
    to.resize(before + std::max(count, 0));
    done += std::max(count, 0);
    if (count == wanted) continue;
    int code = Z_OK;
    const char* const message = gzerror(File(file_.get()), &code);
    // Z_BUF_ERROR: the compressed stream ends early, which is what a short count says.
    if (code == Z_OK || code == Z_BUF_ERROR) break;
    return absl::InvalidArgumentError(absl::StrCat("the file is damaged (", message, ")"));
  }
  return done;
}

absl::Status RecordFile::ReadPart(const std::string& what, int64_t bytes,
                                  std::vector<uint8_t>& to) {
  const absl::StatusOr<int64_t> count = Read(bytes, to);
  const std::string place = absl::StrCat(name_, ": ", what);
  if (!count.ok()) return Annotate(count.status(), place);
  if (*count == bytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(place, ": file ends after ", WithCommas(*count),
                                                 " of ", WithCommas(bytes), " bytes"));
}

absl::StatusOr<std::vector<uint8_t>> RecordFile::ReadHeader(int64_t bytes) {
  std::vector<uint8_t> header;
  RETURN_IF_ERROR(ReadPart("header", bytes, header));
  return header;
}

absl::Status RecordFile::ReadRecord(int64_t bytes, std::vector<uint8_t>& records) {
  RETURN_IF_ERROR(ReadPart(absl::StrCat("record ", WithCommas(records_ + 1)), bytes, records));
  ++records_;
  return absl::OkStatus();
}

bool RecordFile::AtEnd() {
  const int next = gzgetc(File(file_.get()));
  if (next < 0) return true;
  gzungetc(next, File(file_.get()));
  return false;
}

absl::Status RecordFile::ExpectEnd() {
  if (AtEnd()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name_, ": the file goes on after its last record, ", WithCommas(records_)));
}

}  // namespace cambrian
