#include "server/artifact/files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

absl::Status FileError(absl::string_view path) {
  return absl::UnavailableError(absl::StrCat(path, ": ", strerror(errno)));
}

absl::Status CheckName(absl::string_view sha256) {
  if (IsSha256(sha256)) return absl::OkStatus();
  return absl::InvalidArgumentError("an artifact is named by 64 hexadecimal digits");
}

// So that a rename survives a power cut.
absl::Status SyncFolder(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return FileError(path);
  const bool ok = fsync(descriptor) == 0;
  close(descriptor);
  return ok ? absl::OkStatus() : FileError(path);
}

class FileWriter : public ArtifactWriter {
 public:
  FileWriter(int descriptor, std::string temporary, std::string folder, std::string path,
             int64_t size, std::string sha256)
      : descriptor_(descriptor),
        temporary_(std::move(temporary)),
        folder_(std::move(folder)),
        path_(std::move(path)),
        size_(size),
        sha256_(std::move(sha256)),
        hash_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    EVP_DigestInit_ex(hash_.get(), EVP_sha256(), nullptr);
  }
  ~FileWriter() override {
    close(descriptor_);
    if (!finished_) unlink(temporary_.c_str());
  }

  absl::Status Write(absl::string_view bytes) override {
    written_ += static_cast<int64_t>(bytes.size());
    if (written_ > size_) return absl::InvalidArgumentError("more bytes than were announced");
    EVP_DigestUpdate(hash_.get(), bytes.data(), bytes.size());
    while (!bytes.empty()) {
      const ssize_t count = write(descriptor_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return FileError(temporary_);
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override {
    if (written_ != size_) return absl::InvalidArgumentError("fewer bytes than were announced");
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    EVP_DigestFinal_ex(hash_.get(), digest, &length);
    const absl::string_view view(reinterpret_cast<const char*>(digest), length);
    if (absl::BytesToHexString(view) != sha256_) {
      return absl::InvalidArgumentError("the content has another SHA-256 than was announced");
    }
    if (fsync(descriptor_) != 0) return FileError(temporary_);
    if (mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) return FileError(folder_);
    if (rename(temporary_.c_str(), path_.c_str()) != 0) return FileError(path_);
    finished_ = true;
    return SyncFolder(folder_);
  }

 private:
  const int descriptor_;
  const std::string temporary_;
  const std::string folder_;
  const std::string path_;
  const int64_t size_;
  const std::string sha256_;
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> hash_;
  int64_t written_ = 0;
  bool finished_ = false;
};

class FileReader : public ArtifactReader {
 public:
  explicit FileReader(int descriptor) : descriptor_(descriptor) {}
  ~FileReader() override { close(descriptor_); }

  absl::StatusOr<std::string> Read(size_t limit) override {
    std::string bytes(limit, '\0');
    while (true) {
      const ssize_t count = read(descriptor_, bytes.data(), limit);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return FileError("artifact");
      bytes.resize(static_cast<size_t>(count));
      return bytes;
    }
  }

 private:
  const int descriptor_;
};

class ArtifactFiles : public ArtifactStore {
 public:
  explicit ArtifactFiles(std::string folder) : folder_(std::move(folder)) {}

  absl::StatusOr<std::unique_ptr<ArtifactWriter>> Create(int64_t size,
                                                         absl::string_view sha256) override {
    RETURN_IF_ERROR(CheckName(sha256));
    const std::string temporary = absl::StrCat(folder_, "/incoming/", ++uploads_);
    const int descriptor = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0) return FileError(temporary);
    return std::make_unique<FileWriter>(descriptor, temporary, FolderOf(sha256), PathOf(sha256),
                                        size, std::string(sha256));
  }

  absl::StatusOr<std::unique_ptr<ArtifactReader>> Open(absl::string_view sha256) override {
    RETURN_IF_ERROR(CheckName(sha256));
    const std::string path = PathOf(sha256);
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0) return std::make_unique<FileReader>(descriptor);
    if (errno == ENOENT) return absl::NotFoundError(absl::StrCat("no artifact ", sha256));
    return FileError(path);
  }

  absl::Status Remove(absl::string_view sha256) override {
    RETURN_IF_ERROR(CheckName(sha256));
    const std::string path = PathOf(sha256);
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return FileError(path);
    return absl::OkStatus();
  }

 private:
  std::string FolderOf(absl::string_view sha256) const {
    return absl::StrCat(folder_, "/", sha256.substr(0, 2));
  }
  std::string PathOf(absl::string_view sha256) const {
    return absl::StrCat(FolderOf(sha256), "/", sha256);
  }

  const std::string folder_;
  std::atomic<int64_t> uploads_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ArtifactStore>> OpenArtifactFiles(const std::string& folder) {
  const std::string incoming = absl::StrCat(folder, "/incoming");
  std::error_code error;
  std::filesystem::remove_all(incoming, error);
  if (!error) std::filesystem::create_directories(incoming, error);
  if (error) return absl::UnavailableError(absl::StrCat(incoming, ": ", error.message()));
  return std::make_unique<ArtifactFiles>(folder);
}

}  // namespace cambrian
