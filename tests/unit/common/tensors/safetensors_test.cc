#include "common/tensors/safetensors.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;

Safetensors Example() {
  Safetensors content;
  content.metadata = {{"architecture", R"({"a": 1})"}};
  content.tensors = {{"z.weight", "F32", {2, 1}, std::string("12345678")},
                     {"a.bias", "U8", {3}, std::string("\0\1\2", 3)},
                     {"empty", "I64", {0, 5}, ""},
                     {"scalar", "BF16", {}, "xy"}};
  return content;
}

std::string File(const std::string& header, const std::string& data = "") {
  std::string bytes;
  for (int i = 0; i < 8; ++i) {
    bytes += static_cast<char>((static_cast<uint64_t>(header.size()) >> (8 * i)) & 0xff);
  }
  return bytes + header + data;
}

std::string Failure(const std::string& bytes) {
  const absl::StatusOr<Safetensors> content = ParseSafetensors(bytes);
  return content.ok() ? "no error" : std::string(content.status().message());
}

class SafetensorsTest : public ::testing::Test {
 protected:
  testing::TemporaryFolder folder_;
  const std::string path_ = folder_ / "x.safetensors";
};

TEST_F(SafetensorsTest, WhatIsWrittenIsRead) {
  ASSERT_TRUE(WriteSafetensors(path_, Example()).ok());
  const absl::StatusOr<Safetensors> read = ReadSafetensors(path_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->metadata, Example().metadata);
  ASSERT_EQ(read->tensors.size(), 4u);
  for (const NamedTensor& expected : Example().tensors) {
    const auto found =
        std::find_if(read->tensors.begin(), read->tensors.end(),
                     [&](const NamedTensor& tensor) { return tensor.name == expected.name; });
    ASSERT_NE(found, read->tensors.end()) << expected.name;
    EXPECT_EQ(found->dtype, expected.dtype);
    EXPECT_EQ(found->shape, expected.shape);
    EXPECT_EQ(found->bytes, expected.bytes);
  }
}

TEST_F(SafetensorsTest, LeavesNoTemporaryFileAndSaysWhatItCannotWrite) {
  EXPECT_THAT(WriteSafetensors("/nonexistent/folder/x", Example()).message(),
              HasSubstr("/nonexistent/folder/x"));
  ASSERT_TRUE(WriteSafetensors(path_, Example()).ok());
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    EXPECT_EQ(entry.path().string(), path_);
  }
  EXPECT_TRUE(absl::IsNotFound(ReadSafetensors("/nonexistent").status()));
}

TEST_F(SafetensorsTest, EveryTruncationIsAnError) {
  ASSERT_TRUE(WriteSafetensors(path_, Example()).ok());
  std::ifstream stream(path_, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  ASSERT_TRUE(ParseSafetensors(bytes).ok());
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(ParseSafetensors(bytes.substr(0, length)).ok()) << length;
  }
}

TEST_F(SafetensorsTest, NoChangedByteCrashesIt) {
  ASSERT_TRUE(WriteSafetensors(path_, Example()).ok());
  std::ifstream stream(path_, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  Random random(1);
  int accepted = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string changed = bytes;
    for (uint64_t n = 1 + random.Below(4); n > 0; --n) {
      changed[random.Below(changed.size())] = static_cast<char>(random.Below(256));
    }
    accepted += ParseSafetensors(changed).ok();
  }
  EXPECT_LT(accepted, 20000);
}

TEST_F(SafetensorsTest, RefusesWhatItCannotTrust) {
  EXPECT_THAT(Failure("abc"), HasSubstr("shorter than"));
  EXPECT_THAT(Failure("\xff\xff\xff\xff\xff\xff\xff\xff{}"), HasSubstr("longer than 100 MB"));
  EXPECT_THAT(Failure(File("nonsense")), HasSubstr("not JSON"));
  EXPECT_THAT(Failure(File("[]")), HasSubstr("not JSON"));
  EXPECT_THAT(Failure(File(R"({"a": 3})")), HasSubstr("tensor \"a\": expected dtype"));
  EXPECT_THAT(Failure(File(R"({"__metadata__": {"a": 1}})")), HasSubstr("is not a string"));
  EXPECT_THAT(Failure(File("{}", "xyz")), HasSubstr("3 bytes belong to no tensor"));
}

TEST_F(SafetensorsTest, RefusesOffsetsThatDoNotFit) {
  const auto one = [](const std::string& shape, const std::string& offsets) {
    return absl::StrCat(R"({"dtype": "U8", "shape": )", shape, R"(, "data_offsets": )", offsets,
                        "}");
  };
  EXPECT_THAT(Failure(File(absl::StrCat(R"({"a": )", one("[4]", "[0, 5]"), "}"), "12345")),
              HasSubstr("span 5 bytes, the shape needs 4"));
  EXPECT_THAT(Failure(File(absl::StrCat(R"({"a": )", one("[4]", "[0, 4]"), "}"), "123")),
              HasSubstr("outside the file's 3 bytes"));
  EXPECT_THAT(Failure(File(absl::StrCat(R"({"a": )", one("[4]", "[-4, 0]"), "}"), "1234")),
              HasSubstr("not whole numbers"));
  EXPECT_THAT(
      Failure(File(absl::StrCat(R"({"a": )", one("[4294967296, 4294967296, 4]", "[0, 0]"), "}"))),
      HasSubstr("too large"));
  EXPECT_THAT(Failure(File(absl::StrCat(R"({"a": )", one("[2]", "[0, 2]"), R"(, "b": )",
                                        one("[2]", "[1, 3]"), "}"),
                           "123")),
              HasSubstr("overlaps"));
  EXPECT_THAT(Failure(File(absl::StrCat(R"({"a": )", one("[1]", "[0, 1]"), R"(, "b": )",
                                        one("[1]", "[2, 3]"), "}"),
                           "123")),
              HasSubstr("gap"));
  EXPECT_THAT(Failure(File(absl::StrCat(R"({"a": )", one("[1]", "[0, 1]"), R"(, "a": )",
                                        one("[1]", "[0, 1]"), "}"),
                           "1")),
              HasSubstr("two tensors have one name"));
}

}  // namespace
}  // namespace cambrian
