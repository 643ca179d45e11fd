// Files that mean harm: whatever the bytes, an answer, in bounded time, without an exception.
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/spec/document.h"
#include "tests/unit/common/spec_study/study_files.h"

namespace cambrian {
namespace {

constexpr int kRandomFiles = 3000;
constexpr int kMutatedFiles = 3000;

std::string RandomBytes(Random& random, const std::string& alphabet) {
  std::string text(random.Below(200), ' ');
  for (char& c : text) {
    c = alphabet.empty() ? static_cast<char>(random.Below(256))
                         : alphabet[random.Below(alphabet.size())];
  }
  return text;
}

// Some bytes changed, removed, doubled or moved.
std::string Mutate(std::string text, Random& random) {
  for (uint64_t n = random.Below(4) + 1; n > 0; --n) {
    const size_t at = random.Below(text.size());
    const size_t length = std::min<size_t>(random.Below(20) + 1, text.size() - at);
    switch (random.Below(4)) {
      case 0:
        text[at] = "{}[]:,-&*!|>'\"%#$ \n0a"[random.Below(21)];
        break;
      case 1:
        if (text.size() > 100) text.erase(at, length);
        break;
      case 2:
        text.insert(random.Below(text.size()), text.substr(at, length));
        break;
      default:
        text.insert(at, 1, static_cast<char>(random.Below(256)));
    }
  }
  return text;
}

// A tree that was read without errors is written and read back the same.
void ReadYaml(const std::string& text) {
  Diagnostics diagnostics("f", text);
  const Node node = ParseYaml(text, diagnostics);
  diagnostics.Render();
  if (!diagnostics.ok()) return;
  const std::string written = ToYaml(node);
  Diagnostics none("f", written);
  ASSERT_EQ(ToYaml(ParseYaml(written, none)), written) << text;
  ASSERT_TRUE(none.ok()) << text << "\n" << none.Render();
}

void ReadStudy(const std::string& text) {
  Diagnostics diagnostics("f", text);
  const auto study = ParseStudy(text, "", {}, diagnostics);
  ASSERT_EQ(study == nullptr, !diagnostics.ok()) << text;
  diagnostics.Render();
  if (study == nullptr) return;
  Diagnostics none("f", study->text);
  const auto again = ParseStudy(study->text, "", {}, none);
  ASSERT_NE(again, nullptr) << text << "\n" << none.Render();
  ASSERT_EQ(again->text, study->text);
}

TEST(HostileTest, RandomBytes) {
  Random random(1);
  for (int i = 0; i < kRandomFiles; ++i) ReadYaml(RandomBytes(random, ""));
}

TEST(HostileTest, RandomPiecesOfYaml) {
  Random random(2);
  for (int i = 0; i < kRandomFiles; ++i) {
    ReadYaml(RandomBytes(random, "{}[]:,-&*!|>'\"%#? \n\n\n  ab1~<"));
  }
}

TEST(HostileTest, MutatedStudies) {
  Random random(3);
  const std::string good = ParseGood(kWhole)->text;
  for (int i = 0; i < kMutatedFiles; ++i) {
    const std::string text = Mutate(i % 2 == 0 ? good : kWhole, random);
    ReadYaml(text);
    ReadStudy(text);
  }
}

TEST(HostileTest, LargeFilesOfOnePiece) {
  for (const char* piece :
       {"[", "{",  "- ", "a: ",    "? ",  "!",   "&a ",  "*a ", "\"",    "'",   "|\n",
        "#", "\t", "%",  "a: 1\n", "a\n", "[a,", "{a: ", "é",   "---\n", "-\n", ": "}) {
    std::string text;
    while (text.size() < 200'000) text += piece;
    Diagnostics diagnostics("f", text);
    ParseStudy(text, "", {}, diagnostics);
    EXPECT_FALSE(diagnostics.ok()) << piece;
    EXPECT_LT(diagnostics.Render().size(), 100'000u) << piece;
  }
}

TEST(HostileTest, RandomSettings) {
  Random random(4);
  for (int i = 0; i < kRandomFiles; ++i) {
    const std::string setting = absl::StrCat(RandomBytes(random, "abdgetspcx.01").substr(0, 12),
                                             "=", RandomBytes(random, "{}[]:,-'\"01a %"));
    Diagnostics diagnostics("f", kSmallest);
    ParseStudy(kSmallest, "", {setting}, diagnostics);
  }
}

}  // namespace
}  // namespace cambrian
