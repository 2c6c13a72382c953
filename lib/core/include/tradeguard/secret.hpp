// A value nobody may see: wiped from memory when it dies, and nothing prints it.
// Contract test: tests/unit/secret_test.cpp
#pragma once

#include <string>
#include <string_view>

namespace tradeguard {

// Holds its characters in one block that is overwritten before it is freed. Copies are made by
// nobody; a moved-from secret is empty. There is no stream operator and no comparison on purpose.
class Secret {
 public:
  Secret() = default;
  // Takes the characters and wipes the string they came in.
  explicit Secret(std::string&& characters);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  bool empty() const { return characters_.empty(); }
  // For the one call that signs or sends it. Whoever copies it wipes the copy.
  std::string_view reveal() const { return characters_; }

 private:
  std::string characters_;
};

// Overwrites all of a string's block, in a way no optimiser removes, and empties it.
void wipe(std::string& characters) noexcept;

}  // namespace tradeguard
