#include "tradeguard/secret.hpp"

#include <string.h>  // NOLINT(modernize-deprecated-headers): explicit_bzero is POSIX's

#include <utility>

namespace tradeguard {

void wipe(std::string& characters) noexcept {
  characters.resize(characters.capacity());  // within the block: nothing is moved elsewhere
  ::explicit_bzero(characters.data(), characters.size());
  characters.clear();
}

Secret::Secret(std::string&& characters) : characters_{characters} { wipe(characters); }

// Short strings live inside the object, so moving one leaves its characters behind.
Secret::Secret(Secret&& other) noexcept : characters_{std::move(other.characters_)} { wipe(other.characters_); }

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  wipe(characters_);
  characters_ = std::move(other.characters_);
  wipe(other.characters_);
  return *this;
}

Secret::~Secret() { wipe(characters_); }

}  // namespace tradeguard
