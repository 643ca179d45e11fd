// Artifacts as files in a folder: DIR/ab/abcdef….
//
// Written to DIR/incoming first, fsynced, then renamed, so that a name never shows half a file;
// what a crash left in DIR/incoming is removed when the store is opened.
#pragma once

#include <memory>
#include <string>

#include "server/artifact/interface.h"

namespace cambrian {

// Creates the folder if it is not there. \error kUnavailable
absl::StatusOr<std::unique_ptr<ArtifactStore>> OpenArtifactFiles(const std::string& folder);

}  // namespace cambrian
