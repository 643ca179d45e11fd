// Folders of PNG and JPEG images, one folder a class. The one file that knows OpenCV.
#include <algorithm>
#include <exception>
#include <filesystem>
#include <opencv2/imgcodecs.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "worker/torch/dataset.h"

namespace cambrian {
namespace {

namespace fs = std::filesystem;

bool IsImage(const fs::path& path) {
  const std::string extension = absl::AsciiStrToLower(path.extension().string());
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

// What is in a folder, sorted; hidden entries left out.
absl::StatusOr<std::vector<fs::path>> List(const fs::path& folder, bool folders) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename().string()[0] == '.') continue;
    std::error_code ignored;
    if (folders ? it->is_directory(ignored) : IsImage(it->path())) entries.push_back(it->path());
  }
  if (error) return absl::NotFoundError(absl::StrCat(folder.string(), ": ", error.message()));
  std::sort(entries.begin(), entries.end());
  return entries;
}

// Reads images of one shape.
class ImageReader {
 public:
  // `shape`: [channels, height, width], or empty: the first image's.
  explicit ImageReader(const std::vector<int64_t>& shape) {
    if (!shape.empty()) shape_ = {shape[0], {shape.begin() + 1, shape.end()}};
  }

  absl::Status Append(const fs::path& path, Examples& examples) {
    const std::string name = path.parent_path().filename() / path.filename();
    cv::Mat image;
    try {
      if (shape_.channels == 0) {
        image = cv::imread(path, cv::IMREAD_UNCHANGED);
        shape_.channels = image.channels() == 1 ? 1 : 3;
      }
      image = cv::imread(path, shape_.channels == 1 ? cv::IMREAD_GRAYSCALE : cv::IMREAD_COLOR);
    } catch (const std::exception& error) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": ", error.what()));
    }
    if (image.empty()) return absl::InvalidArgumentError(name + ": not a PNG or JPEG image");
    if (shape_.axes.empty()) shape_.axes = {image.rows, image.cols};
    if (shape_.axes != std::vector<int64_t>{image.rows, image.cols}) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": ", image.rows, "×", image.cols,
                                                     ", the others are ", shape_.axes[0], "×",
                                                     shape_.axes[1]));
    }
    examples.shape = shape_;
    AppendPixels(image, examples.bytes);
    return absl::OkStatus();
  }

 private:
  static void AppendPixels(const cv::Mat& image, std::vector<uint8_t>& bytes) {
    for (int y = 0; y < image.rows; ++y) {
      const uint8_t* const row = image.ptr<uint8_t>(y);
      const int channels = image.channels();
      for (int x = 0; x < image.cols; ++x) {
        // OpenCV's colours are blue, green, red.
        for (int c = channels - 1; c >= 0; --c) bytes.push_back(row[x * channels + c]);
      }
    }
  }

  Shape shape_;
};

absl::StatusOr<Examples> ReadClasses(const fs::path& folder, const std::vector<std::string>& names,
                                     ImageReader& reader) {
  Examples examples;
  for (size_t label = 0; label < names.size(); ++label) {
    ASSIGN_OR_RETURN(const std::vector<fs::path> files, List(folder / names[label], false));
    for (const fs::path& file : files) {
      RETURN_IF_ERROR(reader.Append(file, examples));
      examples.labels.push_back(static_cast<int32_t>(label));
    }
    if (files.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat((folder / names[label]).string(), ": no PNG or JPEG images"));
    }
  }
  return examples;
}

absl::StatusOr<std::vector<std::string>> ClassNames(const fs::path& folder) {
  ASSIGN_OR_RETURN(const std::vector<fs::path> folders, List(folder, true));
  std::vector<std::string> names;
  for (const fs::path& path : folders) names.push_back(path.filename());
  if (names.size() < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat(folder.string(), ": needs a folder for each of two or more classes"));
  }
  return names;
}

}  // namespace

absl::StatusOr<DataSet> ReadImages(const std::string& folder, const std::vector<int64_t>& shape) {
  std::error_code error;
  if (!shape.empty() && (shape.size() != 3 || (shape[0] != 1 && shape[0] != 3))) {
    return absl::InvalidArgumentError("shape: images are [1, height, width] or [3, height, width]");
  }
  const fs::path root(folder);
  const bool parts = fs::is_directory(root / "train", error);
  const fs::path train = parts ? root / "train" : root;
  DataSet data;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ClassNames(train));
  data.classes = static_cast<int64_t>(names.size());
  ImageReader reader(shape);
  ASSIGN_OR_RETURN(data.train, ReadClasses(train, names, reader));
  if (!parts || !fs::is_directory(root / "test", error)) return data;
  ASSIGN_OR_RETURN(const std::vector<std::string> test_names, ClassNames(root / "test"));
  if (test_names != names) {
    return absl::InvalidArgumentError(absl::StrCat(folder, ": train and test differ in classes"));
  }
  ASSIGN_OR_RETURN(data.test, ReadClasses(root / "test", names, reader));
  return data;
}

}  // namespace cambrian
