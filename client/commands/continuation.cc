#include "client/commands/continuation.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "common/spec/diagnostics.h"
#include "common/spec/document.h"

namespace cambrian {
namespace {

// The N of "name-N".
int64_t NumberOf(absl::string_view name) {
  int64_t number = 0;
  return absl::SimpleAtoi(name.substr(name.rfind('-') + 1), &number) ? number : 0;
}

}  // namespace

std::string WhatIsAsked(absl::string_view text) {
  Diagnostics ignored("study", std::string(text));
  Node file = ParseYaml(text, ignored);
  file.Remove("budget");
  if (Node* const warm_start = file.Find("warm_start")) warm_start->Remove("trials");
  return ToYaml(file);
}

bool IsNumbered(absl::string_view name, absl::string_view base) {
  return absl::ConsumePrefix(&name, base) && absl::ConsumePrefix(&name, "-") && !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return absl::ascii_isdigit(c); });
}

absl::StatusOr<std::optional<v1::Study>> FindContinuation(StudyClient& client,
                                                          const std::string& base,
                                                          const std::string& text,
                                                          const std::string& continues) {
  const std::string wanted = WhatIsAsked(text);
  ASSIGN_OR_RETURN(const std::vector<v1::Study> studies, client.ListStudies());
  std::optional<v1::Study> newest;
  for (const v1::Study& study : studies) {
    if (!IsNumbered(study.name(), base) || !study.parent().empty()) continue;
    if (study.continues() != continues) continue;
    if (study.state() == v1::CANCELLED || study.state() == v1::FAILED) continue;
    if (newest && NumberOf(newest->name()) > NumberOf(study.name())) continue;
    ASSIGN_OR_RETURN(v1::Study full, client.GetStudy(study.name(), /*with_text=*/true));
    if (WhatIsAsked(full.text()) == wanted) newest = std::move(full);
  }
  return newest;
}

}  // namespace cambrian
