#include "worker/agent/state_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "spdlog/spdlog.h"
#include "worker/agent/outbox.h"

namespace cambrian {
namespace {

namespace fs = std::filesystem;

constexpr size_t kKeptFetches = 8;
constexpr int64_t kMaxStateBytes = int64_t{16} << 30;

void Remove(const std::string& path) {
  std::error_code ignored;
  if (!path.empty()) fs::remove(path, ignored);
}

bool IsSha256(const std::string& text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

StateFiles::StateFiles(std::string folder, ServerClient& server, OnUploaded on_uploaded)
    : folder_(std::move(folder)), server_(server), on_uploaded_(std::move(on_uploaded)) {
  std::error_code ignored;  // where nothing can be written, nothing is kept
  fs::remove_all(folder_, ignored);
  fs::create_directories(folder_ + "/fetched", ignored);
}

std::string StateFiles::Move(int64_t token, const std::string& file) {
  std::error_code error;
  if (!fs::is_regular_file(fs::symlink_status(file, error))) return "";
  const MutexLock lock(&mutex_);
  std::string path = absl::StrCat(folder_, "/", token, "-", ++count_);
  fs::rename(file, path, error);
  if (error) return "";
  Remove(std::exchange(waiting_[token], path));
  return path;
}

void StateFiles::Keep(int64_t token, const std::string& file) { Move(token, file); }

void StateFiles::Submit(int64_t token, const std::string& file) {
  if (!Move(token, file).empty()) uploads_.Run([this, token] { Upload(token); });
}

std::string StateFiles::Take(int64_t token) {
  const MutexLock lock(&mutex_);
  const auto node = waiting_.extract(token);
  return node.empty() ? "" : node.mapped();
}

void StateFiles::Upload(int64_t token) {
  std::string path;
  {
    const MutexLock lock(&mutex_);
    const auto found = waiting_.find(token);
    if (found == waiting_.end()) return;  // another task took a newer one, or it has ended
    path = found->second;
  }
  const absl::StatusOr<std::string> sha256 = Sha256OfFile(path);
  const absl::Status status = sha256.ok() ? server_.Upload(path, *sha256) : sha256.status();
  {
    const MutexLock lock(&mutex_);
    const auto found = waiting_.find(token);
    const bool current = found != waiting_.end() && found->second == path;
    if (current && status.ok()) {
      Remove(path);
      waiting_.erase(found);
    } else if (!current) {
      return;  // replaced, or its assignment has ended and its new owner uploads it
    }
  }
  if (status.ok()) return on_uploaded_(token, *sha256);
  spdlog::warn("the state of a training was not uploaded: {}", status.ToString());
}

absl::Status StateFiles::Fetch(const std::string& sha256, const std::string& path) {
  if (!IsSha256(sha256)) return absl::InvalidArgumentError("not a checkpoint's hash");
  const std::string fetched = folder_ + "/fetched/" + sha256;
  std::error_code error;
  if (!fs::exists(fetched, error)) {
    RETURN_IF_ERROR(server_.Download(sha256, fetched, kMaxStateBytes));
    ForgetOld();
  }
  // A copy: an evaluator may do with it what it likes.
  fs::copy_file(fetched, path, fs::copy_options::overwrite_existing, error);
  return error ? absl::InternalError(absl::StrCat(path, ": ", error.message())) : absl::OkStatus();
}

void StateFiles::ForgetOld() {
  std::error_code error;
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  for (const fs::directory_entry& file : fs::directory_iterator(folder_ + "/fetched", error)) {
    files.emplace_back(file.last_write_time(error), file.path());
  }
  std::sort(files.begin(), files.end());
  for (size_t i = 0; i + kKeptFetches < files.size(); ++i) Remove(files[i].second);
}

}  // namespace cambrian
