#include "server/artifact/files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/base/mutex.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

absl::Status FileError(absl::string_view path) {
  const bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
  const std::string text = absl::StrCat(path, ": ", strerror(errno));
  return full ? absl::ResourceExhaustedError(text) : absl::UnavailableError(text);
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
  // `renaming` is held while the file gets its name.
  FileWriter(Mutex& renaming, int descriptor, std::string temporary, std::string folder,
             std::string path, int64_t size, std::string sha256)
      : renaming_(renaming),
        descriptor_(descriptor),
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
    {
      MutexLock lock(&renaming_);
      if (rename(temporary_.c_str(), path_.c_str()) != 0) return FileError(path_);
      finished_ = true;
    }
    return SyncFolder(folder_);
  }

 private:
  Mutex& renaming_;
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

// A folder for what this process is writing, locked as long as it lives.
class Incoming {
 public:
  ~Incoming() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
    unlink(LockOf(folder_).c_str());
    close(lock_);
  }
  Incoming(const Incoming&) = delete;

  // Makes one below `parent`, and removes those there whose process is gone.
  static absl::StatusOr<std::unique_ptr<Incoming>> Make(const std::string& parent) {
    std::error_code error;
    std::filesystem::create_directories(parent, error);
    if (error) return absl::UnavailableError(absl::StrCat(parent, ": ", error.message()));
    std::string folder = absl::StrCat(parent, "/XXXXXX");
    if (mkdtemp(folder.data()) == nullptr) return FileError(folder);
    const int lock = open(LockOf(folder).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0) return FileError(folder);
    std::unique_ptr<Incoming> incoming(new Incoming(folder, lock));
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) return FileError(folder);
    RemoveDead(parent);
    return incoming;
  }

  const std::string& folder() const { return folder_; }

 private:
  Incoming(std::string folder, int lock) : folder_(std::move(folder)), lock_(lock) {}

  static std::string LockOf(const std::string& folder) { return absl::StrCat(folder, ".lock"); }

  static void RemoveDead(const std::string& parent) {
    std::error_code ignored;
    std::vector<std::filesystem::path> folders;
    for (const auto& entry : std::filesystem::directory_iterator(parent, ignored)) {
      if (entry.path().extension() != ".lock") folders.push_back(entry.path());
    }
    for (const std::filesystem::path& path : folders) {
      // Whoever made the folder a moment ago may not have its lock yet: only an old one is dead.
      const std::string lock_path = LockOf(path);
      const int lock = open(lock_path.c_str(), O_WRONLY | O_CLOEXEC);
      const bool dead = lock < 0 ? IsOld(path) : flock(lock, LOCK_EX | LOCK_NB) == 0;
      if (dead) std::filesystem::remove_all(path, ignored);
      if (dead) unlink(lock_path.c_str());
      if (lock >= 0) close(lock);
    }
  }

  static bool IsOld(const std::filesystem::path& path) {
    struct stat info;
    return stat(path.c_str(), &info) == 0 &&
           (S_ISREG(info.st_mode) ||
            absl::FromTimeT(info.st_mtime) < absl::Now() - absl::Minutes(1));
  }

  const std::string folder_;
  const int lock_;
};

class ArtifactFiles : public ArtifactStore {
 public:
  ArtifactFiles(std::string folder, std::unique_ptr<Incoming> incoming)
      : folder_(std::move(folder)), incoming_(std::move(incoming)) {}

  absl::StatusOr<std::unique_ptr<ArtifactWriter>> Create(int64_t size,
                                                         absl::string_view sha256) override {
    RETURN_IF_ERROR(CheckName(sha256));
    const std::string temporary = absl::StrCat(incoming_->folder(), "/", ++uploads_);
    const int descriptor = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0) return FileError(temporary);
    return std::make_unique<FileWriter>(renaming_, descriptor, temporary, FolderOf(sha256),
                                        PathOf(sha256), size, std::string(sha256));
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

  absl::StatusOr<std::vector<std::string>> StoredBefore(absl::Time before) override {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::recursive_directory_iterator it(folder_, error), end; it != end && !error;
         it.increment(error)) {
      const std::string name = it->path().filename();
      if (IsSha256(name) && IsStoredBefore(it->path(), before)) names.push_back(name);
    }
    if (error) return absl::UnavailableError(absl::StrCat(folder_, ": ", error.message()));
    return names;
  }

  absl::StatusOr<bool> RemoveStoredBefore(absl::string_view sha256, absl::Time before) override {
    RETURN_IF_ERROR(CheckName(sha256));
    MutexLock lock(&renaming_);
    if (!IsStoredBefore(PathOf(sha256), before)) return false;
    RETURN_IF_ERROR(Remove(sha256));
    return true;
  }

 private:
  // False if it is not there.
  static bool IsStoredBefore(const std::string& path, absl::Time before) {
    struct stat info;
    return stat(path.c_str(), &info) == 0 && absl::TimeFromTimespec(info.st_mtim) < before;
  }
  std::string FolderOf(absl::string_view sha256) const {
    return absl::StrCat(folder_, "/", sha256.substr(0, 2));
  }
  std::string PathOf(absl::string_view sha256) const {
    return absl::StrCat(FolderOf(sha256), "/", sha256);
  }

  const std::string folder_;
  const std::unique_ptr<Incoming> incoming_;
  std::atomic<int64_t> uploads_ = 0;
  Mutex renaming_;  // held while a file gets its name, and while an old one is removed
};

}  // namespace

absl::StatusOr<std::unique_ptr<ArtifactStore>> OpenArtifactFiles(const std::string& folder) {
  ASSIGN_OR_RETURN(std::unique_ptr<Incoming> incoming,
                   Incoming::Make(absl::StrCat(folder, "/incoming")));
  return std::make_unique<ArtifactFiles>(folder, std::move(incoming));
}

}  // namespace cambrian
