// The disk as power_shim.cpp keeps it: what a power loss leaves of a store.
#pragma once

#include <string>

namespace tradeguard::power {

// What becomes of writes that no sync stood behind.
enum class Loss {
  dropped,    // none of them arrived
  torn,       // half of them did, and the next one in its first half
  reordered,  // the later half did, and the earlier one did not
};

class Disk {
 public:
  // A folder of its own in which the disk is kept, for the files whose paths begin with `files`.
  Disk(std::string folder, std::string files);
  // Everything there is now is on the disk.
  void all_is_synced() const;
  // Puts the files into the state in which the power came back.
  void come_back(Loss loss) const;
  const std::string& folder() const { return folder_; }
  const std::string& files() const { return files_; }

 private:
  std::string folder_;
  std::string files_;
};

}  // namespace tradeguard::power
