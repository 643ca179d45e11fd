#include "worker/agent/outbox.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

#include "absl/strings/escaping.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

namespace fs = std::filesystem;

constexpr char kCompletion[] = ".completion";
constexpr char kCheckpoint[] = ".checkpoint";

// Makes the file's content, or the folder's names, durable.
absl::Status Sync(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, path);
  const int result = fsync(descriptor);
  const int error = errno;
  close(descriptor);
  return result == 0 ? absl::OkStatus() : absl::ErrnoToStatus(error, path);
}

absl::Status Move(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return absl::ErrnoToStatus(errno, to);
  return absl::OkStatus();
}

absl::Status WriteDurably(const std::string& path, const std::string& content) {
  const std::string temporary = path + ".new";
  std::ofstream file(temporary, std::ios::binary);
  file << content;
  file.close();
  if (!file) return absl::InternalError(absl::StrCat("cannot write ", temporary));
  RETURN_IF_ERROR(Sync(temporary));
  RETURN_IF_ERROR(Move(temporary, path));
  return Sync(fs::path(path).parent_path());
}

void Remove(const std::string& path) {
  std::error_code ignored;
  fs::remove(path, ignored);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Outbox>> Outbox::Open(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  fs::directory_iterator files(folder, error);
  if (error) return absl::InternalError(absl::StrCat(folder, ": ", error.message()));

  std::unique_ptr<Outbox> outbox(new Outbox(folder));
  std::vector<std::string> leftovers;
  for (const fs::directory_entry& file : files) {
    Entry entry;
    std::ifstream stream(file.path(), std::ios::binary);
    const bool readable = file.path().extension() == kCompletion &&
                          entry.completion.ParseFromIstream(&stream) &&
                          entry.completion.token() > 0;
    if (readable) {
      outbox->entries_[entry.completion.token()] = std::move(entry);
    } else {
      leftovers.push_back(file.path());
    }
  }
  for (auto& [token, entry] : outbox->entries_) {
    const std::string checkpoint = outbox->PathOf(token, kCheckpoint);
    if (fs::exists(checkpoint, error)) entry.checkpoint = checkpoint;
  }
  for (const std::string& path : leftovers) {
    bool used = false;
    for (const auto& [token, entry] : outbox->entries_) used = used || entry.checkpoint == path;
    if (!used) Remove(path);
  }
  return outbox;
}

absl::Status Outbox::Add(v1::Completion completion, const std::string& checkpoint) {
  const int64_t token = completion.token();
  Entry& entry = entries_[token];
  entry.completion = std::move(completion);
  if (!checkpoint.empty()) {
    const std::string path = PathOf(token, kCheckpoint);
    RETURN_IF_ERROR(Move(checkpoint, path));
    ASSIGN_OR_RETURN(std::string sha256, Sha256OfFile(path));
    entry.checkpoint = path;
    entry.completion.set_checkpoint(std::move(sha256));
  }
  return WriteDurably(PathOf(token, kCompletion), entry.completion.SerializeAsString());
}

void Outbox::Uploaded(int64_t token) {
  const auto found = entries_.find(token);
  if (found == entries_.end()) return;
  Remove(found->second.checkpoint);
  found->second.checkpoint.clear();
}

void Outbox::DropCheckpoint(int64_t token) {
  Uploaded(token);
  if (const auto found = entries_.find(token); found != entries_.end()) {
    found->second.completion.clear_checkpoint();
  }
}

void Outbox::Settle(int64_t token) {
  const auto found = entries_.find(token);
  if (found == entries_.end()) return;
  Remove(PathOf(token, kCompletion));
  if (!found->second.checkpoint.empty()) Remove(found->second.checkpoint);
  entries_.erase(found);
}

std::string Outbox::PathOf(int64_t token, const char* extension) const {
  return absl::StrCat(folder_, "/", token, extension);
}

absl::StatusOr<std::string> Sha256OfFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  std::vector<char> buffer(256 << 10);
  while (file.read(buffer.data(), buffer.size()) || file.gcount() > 0) {
    EVP_DigestUpdate(context.get(), buffer.data(), file.gcount());
  }
  if (file.bad()) return absl::DataLossError(absl::StrCat("cannot read ", path));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_DigestFinal_ex(context.get(), digest, &size);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<char*>(digest), size));
}

}  // namespace cambrian
