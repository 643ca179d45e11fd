#include "common/spec/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;

Node ParseGood(absl::string_view text) {
  Diagnostics diagnostics("f.yaml", std::string(text));
  Node node = ParseYaml(text, diagnostics);
  EXPECT_TRUE(diagnostics.ok()) << diagnostics.Render();
  return node;
}

std::string Problems(absl::string_view text) {
  Diagnostics diagnostics("f.yaml", std::string(text));
  ParseYaml(text, diagnostics);
  return diagnostics.Render();
}

Node Plain(std::string text) {
  Node node;
  node.kind = Node::Kind::kScalar;
  node.scalar = std::move(text);
  return node;
}

TEST(DocumentTest, RemembersWhereEverythingStands) {
  const Node file = ParseGood("a: 1\nbb:\n  - \"x y\"\n  - {ü: [long, 'q']}\nempty:\nnone: ~\n");
  ASSERT_EQ(file.entries.size(), 4u);
  EXPECT_EQ(file.entries[0].key_mark, (Mark{1, 1, 1}));
  EXPECT_EQ(file.entries[0].value.mark, (Mark{1, 4, 1}));
  EXPECT_EQ(file.entries[1].key_mark, (Mark{2, 1, 2}));
  const Node& list = file.entries[1].value;
  EXPECT_EQ(list.items[0].mark, (Mark{3, 5, 5}));
  const Node::Entry& inner = list.items[1].entries[0];
  EXPECT_EQ(inner.key_mark, (Mark{4, 6, 1}));
  EXPECT_EQ(inner.value.items[0].mark, (Mark{4, 10, 4}));
  EXPECT_EQ(inner.value.items[1].mark, (Mark{4, 16, 3}));
  EXPECT_EQ(file.Find("empty")->mark, (Mark{5, 1, 5}));
  EXPECT_EQ(file.Find("none")->mark.line, 6);
  EXPECT_EQ(file.Find("none")->mark.column, 7);
}

TEST(DocumentTest, AByteOrderMarkAndWindowsLinesDoNotShiftPlaces) {
  const Node file = ParseGood(
      "\xEF\xBB\xBF"
      "a: 1\r\nb: 2\r\n");
  EXPECT_EQ(file.entries[0].key_mark, (Mark{1, 1, 1}));
  EXPECT_EQ(file.entries[1].value.mark, (Mark{2, 4, 1}));
  EXPECT_EQ(file.entries[1].value.scalar, "2");
}

TEST(DocumentTest, QuotedNumbersAreText) {
  const Node file = ParseGood("a: \"1\"\nb: 1\nc: 'true'\nd: |\n  5\n");
  EXPECT_TRUE(file.Find("a")->quoted);
  EXPECT_FALSE(file.Find("a")->AsNumber());
  EXPECT_EQ(file.Find("b")->AsInteger(), 1);
  EXPECT_FALSE(file.Find("c")->AsBool());
  EXPECT_FALSE(file.Find("d")->AsNumber());
}

TEST(DocumentTest, ReadsNumbersAndShares) {
  EXPECT_EQ(Plain("1e-3").AsNumber(), 1e-3);
  EXPECT_EQ(Plain("-2.5").AsNumber(), -2.5);
  EXPECT_EQ(Plain("20 %").AsNumber(), 0.2);
  EXPECT_EQ(Plain("10%").AsNumber(), 0.1);
  EXPECT_EQ(Plain("128").AsInteger(), 128);
  for (const char* text : {"", "%", "inf", ".inf", "nan", "0x10", "1e999", "1 2", "5 min", "1,5"}) {
    EXPECT_FALSE(Plain(text).AsNumber()) << text;
  }
  for (const char* text : {"1.0", "1e3", "99999999999999999999", "", "5 %"}) {
    EXPECT_FALSE(Plain(text).AsInteger()) << text;
  }
  EXPECT_EQ(Plain("true").AsBool(), true);
  EXPECT_FALSE(Plain("yes").AsBool());
}

TEST(DocumentTest, DescribesItselfForMessages) {
  EXPECT_EQ(Plain("3").Describe(), "the number 3");
  EXPECT_EQ(Plain("x").Describe(), "the text \"x\"");
  EXPECT_EQ(ParseGood("[1]").Describe(), "a list");
  EXPECT_EQ(ParseGood("{a: 1}").Describe(), "a map");
  EXPECT_EQ(Node().Describe(), "nothing");
  EXPECT_LT(Plain(std::string(10'000, 'x')).Describe().size(), 100u);
}

TEST(DocumentTest, AliasesAreCopies) {
  const Node file = ParseGood("a: &x {b: [1, 2]}\nc: *x\n");
  EXPECT_EQ(file.Find("c")->Find("b")->items.size(), 2u);
}

struct Refusal {
  std::string text;
  std::string place;
  std::string message;
};

class DocumentRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(DocumentRefusalTest, SaysWhereAndWhat) {
  const std::string problems = Problems(GetParam().text);
  EXPECT_THAT(problems, HasSubstr(absl::StrCat("error: f.yaml:", GetParam().place, ": ")));
  EXPECT_THAT(problems, HasSubstr(GetParam().message));
}

std::string Nested(int depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::string AliasBomb() {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    absl::StrAppend(&text, "a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) absl::StrAppend(&text, j == 0 ? "" : ", ", "*a", i - 1);
    absl::StrAppend(&text, "]\n");
  }
  return text;
}

INSTANTIATE_TEST_SUITE_P(
    All, DocumentRefusalTest,
    ::testing::Values(Refusal{"a: 1\nb: 2\na: 3\n", "3:1", "duplicate key \"a\""},
                      Refusal{"x:\n  y: {k: 1, k: 2}\n", "2:13", "it stands on line 2 already"},
                      Refusal{"a: &x {b: 1}\nc:\n  <<: *x\n", "3:3", "merge key"},
                      Refusal{"[a]: 1\n", "1:1", "a key must be text, not a list"},
                      Refusal{"? {a: 1}\n: 2\n", "1:3", "a key must be text, not a map"},
                      Refusal{"~: 1\n", "1:1", "a key must be text, not nothing"},
                      Refusal{"a: 1\n---\nb: 2\n", "2:1", "a second document"},
                      Refusal{"a: [1\nb: 2\n", "2:2", "not valid YAML"},
                      Refusal{"a: *nowhere\n", "1:4", "anchor is not defined"},
                      Refusal{"a: &x [1, *x]\n", "1:11", "an alias inside the value that it names"},
                      Refusal{"a: !!int 3\n", "1:4", "a tag"},
                      Refusal{"a: !x [3]\n", "1:4", "a tag"},
                      Refusal{Nested(65), "1:65", "nested deeper than 64"},
                      Refusal{absl::StrCat("a: &x ", Nested(40), "\nb: ", std::string(30, '['),
                                           "*x", std::string(30, ']')),
                              "2:34", "nested deeper than 64"},
                      Refusal{AliasBomb(), "5:5", "more than 200000 values"},
                      Refusal{"a: {out: round($a, 2), act: relu}\n", "1:20",
                              "quote the expression: \"round($a, 2)\""},
                      Refusal{"a: [max($a, 2)]\n", "1:13", "a comma inside braces or brackets"},
                      Refusal{"a: 1\nb: \x01\n", "2:4", "a control character (0x1)"},
                      Refusal{"a: ü\nb: \xFF\n", "2:4", "not UTF-8 text"},
                      Refusal{std::string("a\0b", 3), "1:2", "a control character (0x0)"}));

TEST(DocumentTest, AllThatIsWrongIsFoundAtOnce) {
  const std::string problems = Problems("a: 1\na: 2\n<<: 3\nb: {f: g($x, 1)}\n");
  EXPECT_THAT(problems, HasSubstr("f.yaml:2:1"));
  EXPECT_THAT(problems, HasSubstr("f.yaml:3:1"));
  EXPECT_THAT(problems, HasSubstr("f.yaml:4:14"));
}

TEST(DocumentTest, SixtyFourLevelsAreFine) { ParseGood(Nested(64)); }

TEST(DocumentTest, AFileThatIsTooLargeIsRefused) {
  EXPECT_THAT(Problems(std::string((4 << 20) + 1, ' ')), HasSubstr("larger than 4 MiB"));
}

TEST(DocumentTest, WhatIsWrittenReadsBackTheSame) {
  const char* const text =
      "a: 20 %\n"
      "\"1\": \"1\"\n"
      "list:\n"
      "  - x <= 5\n"
      "  - - 1\n"
      "    - {}\n"
      "  - b: []\n"
      "    c: null\n"
      "\"null\": \"tab\\t, quote \\\", line\\n, back \\\\, bell \\x07\"\n"
      "\"- x\": ü\n";
  const Node node = ParseGood(text);
  EXPECT_EQ(ToYaml(node), text);
}

TEST(DocumentTest, WhatOnlyBracesAllowIsQuoted) {
  const std::string text = ToYaml(ParseGood("{a: -, b: [:x], c: a:b}"));
  EXPECT_EQ(text, "a: \"-\"\nb:\n  - :x\nc: a:b\n");
  EXPECT_EQ(ToYaml(ParseGood(text)), text);
}

TEST(DocumentTest, JsonAndBack) {
  const Node node = ParseGood("a: 3\nb: [true, 20 %, \"4\", word, ~]\nc: {d: 1e-3}\n");
  EXPECT_EQ(ToJson(node).dump(), R"({"a":3,"b":[true,0.2,"4","word",null],"c":{"d":0.001}})");
  EXPECT_EQ(ToJson(NodeFromJson(ToJson(node))), ToJson(node));
  // A text that looks like a number stays a text.
  EXPECT_EQ(ToYaml(NodeFromJson({{"x", "4"}, {"y", "true"}, {"z", "w"}})),
            "x: \"4\"\ny: \"true\"\nz: w\n");
}

}  // namespace
}  // namespace cambrian
