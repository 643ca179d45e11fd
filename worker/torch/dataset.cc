#include "worker/torch/dataset.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "worker/torch/split.h"

namespace cambrian {
namespace {

using nlohmann::json;

constexpr int64_t kMaxClasses = 10'000;

// Moves the share `request.test` of every class from the training to the test examples. The same
// examples for every study of the data, so that no search sees them.
void KeepForTest(double share, DataSet& data) {
  const Split split = MakeSplit(data.train.labels, data.classes, share, /*share=*/1, /*seed=*/0);
  Examples train = Select(data.train, split.train);
  data.test = Select(data.train, split.validation);
  data.train = std::move(train);
}

absl::Status CheckClasses(const DataSet& data) {
  if (data.train.Count() == 0) return absl::InvalidArgumentError("no training examples");
  if (data.classes < 2) return absl::InvalidArgumentError("fewer than two classes");
  if (data.classes > kMaxClasses) {
    return absl::InvalidArgumentError(absl::StrCat(WithCommas(data.classes), " classes; at most ",
                                                   WithCommas(kMaxClasses), " are possible"));
  }
  std::vector<int64_t> counts(data.classes);
  for (int32_t label : data.train.labels) ++counts[label];
  for (int64_t c = 0; c < data.classes; ++c) {
    if (counts[c] == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("no training example of class ", c, " of 0 … ", data.classes - 1));
    }
  }
  return absl::OkStatus();
}

template <typename T>
void MeasureChannels(const std::vector<T>& values, int64_t channels, DataSet& data) {
  std::vector<double> sum(channels), squares(channels);
  // Shifting by the first example keeps the squares small where the mean is far from zero.
  const std::vector<double> shift(values.begin(), values.begin() + channels);
  for (size_t i = 0; i < values.size(); i += channels) {
    for (int64_t c = 0; c < channels; ++c) {
      const double value = static_cast<double>(values[i + c]) - shift[c];
      sum[c] += value;
      squares[c] += value * value;
    }
  }
  const double count = static_cast<double>(values.size()) / static_cast<double>(channels);
  for (int64_t c = 0; c < channels; ++c) {
    const double mean = sum[c] / count;
    const double variance = std::max(0.0, squares[c] / count - mean * mean);
    data.mean.push_back(static_cast<float>(mean + shift[c]));
    data.deviation.push_back(variance > 1e-12 ? static_cast<float>(std::sqrt(variance)) : 1.0f);
  }
}

void Hash(EVP_MD_CTX* context, const Examples& examples) {
  const std::string head = absl::StrCat(examples.shape.ToString(), ";", examples.Count(), ";",
                                        examples.bytes.size(), ";", examples.floats.size(), ";");
  EVP_DigestUpdate(context, head.data(), head.size());
  EVP_DigestUpdate(context, examples.bytes.data(), examples.bytes.size());
  EVP_DigestUpdate(context, examples.floats.data(), examples.floats.size() * sizeof(float));
  EVP_DigestUpdate(context, examples.labels.data(), examples.labels.size() * sizeof(int32_t));
}

std::string Sha256(const DataSet& data) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  Hash(context.get(), data.train);
  Hash(context.get(), data.test);
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.data()), &size);
  digest.resize(size);
  return absl::BytesToHexString(digest);
}

absl::StatusOr<DataSet> Read(const DataRequest& request) {
  switch (request.format) {
    case DataRequest::Format::kIdx:
      return ReadIdx(request.path);
    case DataRequest::Format::kCifar10:
      return ReadCifar10(request.path);
    case DataRequest::Format::kCsv:
      return ReadCsv(request.path, request.label, request.shape);
    case DataRequest::Format::kImages:
      return ReadImages(request.path, request.shape);
  }
  return absl::InternalError("unknown format");
}

absl::Status ReadShare(const json& object, const char* key, double lowest, double& out) {
  if (!object.contains(key)) return absl::OkStatus();
  const json& value = object[key];
  if (!value.is_number() || !(value.get<double>() >= lowest && value.get<double>() < 1)) {
    return absl::InvalidArgumentError(absl::StrCat(key, ": expected a share below 1"));
  }
  out = value.get<double>();
  return absl::OkStatus();
}

absl::Status ReadText(const json& object, const char* key, std::string& out) {
  if (!object.contains(key)) return absl::OkStatus();
  if (!object[key].is_string()) {
    return absl::InvalidArgumentError(absl::StrCat(key, ": expected a string"));
  }
  out = object[key].get<std::string>();
  return absl::OkStatus();
}

absl::Status ReadShape(const json& object, std::vector<int64_t>& out) {
  if (!object.contains("shape")) return absl::OkStatus();
  const json& shape = object["shape"];
  const auto wrong = [] {
    return absl::InvalidArgumentError("shape: expected [channels, height, width], each 1 … 65,536");
  };
  if (!shape.is_array() || shape.size() > 3) return wrong();
  for (const json& size : shape) {
    if (!size.is_number_integer() || size.get<int64_t>() < 1 || size.get<int64_t>() > 65'536) {
      return wrong();
    }
    out.push_back(size.get<int64_t>());
  }
  return absl::OkStatus();
}

}  // namespace

std::string WithCommas(int64_t number) {
  std::string text = absl::StrCat(number);
  for (int64_t at = static_cast<int64_t>(text.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3) {
    text.insert(static_cast<size_t>(at), 1, ',');
  }
  return text;
}

absl::StatusOr<DataRequest> ParseDataRequest(const json& json) {
  if (!json.is_object()) return absl::InvalidArgumentError("expected an object");
  constexpr std::pair<const char*, DataRequest::Format> kFormats[] = {
      {"idx", DataRequest::Format::kIdx},
      {"cifar10", DataRequest::Format::kCifar10},
      {"csv", DataRequest::Format::kCsv},
      {"images", DataRequest::Format::kImages}};
  DataRequest request;
  for (const auto& [name, format] : kFormats) {
    if (!json.contains(name)) continue;
    request.format = format;
    const auto& source = json[name];
    if (!source.is_object()) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": expected an object"));
    }
    const char* const where = format == DataRequest::Format::kCsv ? "file" : "folder";
    RETURN_IF_ERROR(ReadText(source, where, request.path));
    if (request.path.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": ", where, " is missing"));
    }
    RETURN_IF_ERROR(ReadText(source, "label", request.label));
    RETURN_IF_ERROR(ReadShape(source, request.shape));
    RETURN_IF_ERROR(ReadShare(json, "test", 0, request.test));
    RETURN_IF_ERROR(ReadShare(json, "validation", 0, request.validation));
    RETURN_IF_ERROR(ReadText(json, "sha256", request.sha256));
    return request;
  }
  return absl::InvalidArgumentError("expected one of idx, cifar10, csv, images");
}

absl::StatusOr<DataSet> LoadDataSet(const DataRequest& request) {
  ASSIGN_OR_RETURN(DataSet data, Read(request));
  RETURN_IF_ERROR(CheckClasses(data));
  if (request.test > 0 && data.test.Count() == 0) KeepForTest(request.test, data);
  if (data.train.bytes.empty()) {
    MeasureChannels(data.train.floats, data.train.shape.channels, data);
  } else {
    MeasureChannels(data.train.bytes, data.train.shape.channels, data);
  }
  data.sha256 = Sha256(data);
  if (!request.sha256.empty() && request.sha256 != data.sha256) {
    return absl::InvalidArgumentError(
        absl::StrCat(request.path, ": not the data that the study was made with (sha256 ",
                     data.sha256, ", expected ", request.sha256, ")"));
  }
  return data;
}

}  // namespace cambrian
