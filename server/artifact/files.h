// Artifacts as files in a folder: DIR/ab/abcdef….
//
// Written to DIR/incoming/LIFE first, fsynced, then renamed, so that a name never shows half a
// file. Each process has a LIFE of its own there, locked as long as it runs: what a dead one left
// is removed when the store is opened, what another living one writes is not.
#pragma once

#include <memory>
#include <string>

#include "server/artifact/interface.h"

namespace cambrian {

// Creates the folder if it is not there. \error kUnavailable
absl::StatusOr<std::unique_ptr<ArtifactStore>> OpenArtifactFiles(const std::string& folder);

}  // namespace cambrian
