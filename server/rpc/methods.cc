#include "server/rpc/methods.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/nearest.h"

namespace cambrian {
namespace {

constexpr Roles kSee = kReadRole | kSubmitRole;

const std::vector<Method>* const kMethods = new std::vector<Method>{
    {"StudyService/GetServer", kReadRole | kSubmitRole | kWorkRole},
    {"StudyService/CreateStudy", kSubmitRole},
    {"StudyService/GetStudy", kSee},
    {"StudyService/ListStudies", kSee},
    {"StudyService/WatchStudy", kSee},
    {"StudyService/ListTrials", kSee},
    {"StudyService/GetTrial", kSee},
    {"StudyService/GetTrialLog", kSee},
    {"StudyService/GetFront", kSee},
    {"StudyService/CancelStudy", kSubmitRole},
    {"StudyService/PauseStudy", kSubmitRole},
    {"StudyService/ResumeStudy", kSubmitRole},
    {"StudyService/ExtendStudy", kSubmitRole},
    {"StudyService/DeleteStudy", kSubmitRole},
    {"StudyService/ListWorkers", kSee},
    {"WorkerService/Poll", kWorkRole},
    {"WorkerService/Report", kWorkRole},
    {"WorkerService/GetStudySpec", kWorkRole},
    {"ArtifactService/Upload", kWorkRole},
    {"ArtifactService/Download", kSee | kWorkRole},
};

struct RoleName {
  absl::string_view name;
  Role role;
};
constexpr RoleName kRoleNames[] = {
    {"read", kReadRole}, {"submit", kSubmitRole}, {"work", kWorkRole}, {"admin", kAdminRole}};

absl::StatusOr<Role> ParseRole(absl::string_view text) {
  std::vector<std::string> names;
  for (const RoleName& role : kRoleNames) {
    if (role.name == text) return role.role;
    names.emplace_back(role.name);
  }
  const std::string suggestion = DidYouMean(text, names);
  return absl::InvalidArgumentError(
      absl::StrCat("no role \"", text, "\"; ",
                   suggestion.empty() ? "there are read, submit, work, admin" : suggestion));
}

}  // namespace

absl::StatusOr<Roles> ParseRoles(absl::string_view text) {
  Roles roles = 0;
  for (absl::string_view word : absl::StrSplit(text, ',')) {
    const absl::StatusOr<Role> role = ParseRole(word);
    if (!role.ok()) return role.status();
    roles |= *role;
  }
  return roles;
}

const std::vector<Method>& AllMethods() { return *kMethods; }

const Method& MethodNamed(absl::string_view name) {
  for (const Method& method : *kMethods) {
    if (method.name == name) return method;
  }
  fprintf(stderr, "no method %s\n", std::string(name).c_str());
  abort();
}

}  // namespace cambrian
