// A disk of a test's own, so that it can be full.
#pragma once

#include <sys/mount.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "tests/testing/temporary_folder.h"

namespace cambrian::testing {

// In memory, and of that only as much as its files need. Gone with the object.
class SmallDisk {
 public:
  // Null, with the reason, where a disk cannot be mounted: by anybody but root.
  static std::unique_ptr<SmallDisk> Mount(std::string* reason) {
    std::unique_ptr<SmallDisk> disk(new SmallDisk);
    if (mount("tmpfs", disk->path().c_str(), "tmpfs", 0, kRoom) == 0) return disk;
    *reason = std::string("a small disk can only be mounted by root: ") + std::strerror(errno);
    return nullptr;
  }
  ~SmallDisk() { umount2(path().c_str(), MNT_DETACH); }
  SmallDisk(const SmallDisk&) = delete;

  const std::string& path() const { return folder_.path(); }

  // No room for another page, until `Free`. Whether it came to that.
  bool Fill() {
    for (int i = 0; i < 100; ++i) {  // others write meanwhile
      struct statvfs now = {};
      if (statvfs(path().c_str(), &now) != 0) return false;
      // A size of 0 would be no limit.
      const uint64_t used = std::max<uint64_t>(now.f_blocks - now.f_bfree, 1) * now.f_frsize;
      if (Remount("size=" + std::to_string(used))) return true;
    }
    return false;
  }
  bool Free() { return Remount(kRoom); }

 private:
  static constexpr char kRoom[] = "size=1g";

  SmallDisk() = default;
  bool Remount(const std::string& size) const {
    return mount("tmpfs", path().c_str(), "tmpfs", MS_REMOUNT, size.c_str()) == 0;
  }

  const TemporaryFolder folder_;
};

}  // namespace cambrian::testing
