// A secret is nowhere but in itself, and what it leaves behind is zeros.
#include <tradeguard/secret.hpp>

#include <catch2/catch.hpp>
#include <cstring>
#include <new>
#include <ostream>
#include <sstream>
#include <type_traits>
#include <utility>

using tradeguard::Secret;
using tradeguard::wipe;

namespace {
const std::string long_key(100, 'k');  // on the heap; short ones live inside the object

template <class T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};
template <class T>
concept Comparable = requires(const T& a, const T& b) {
  a == b;
};
}  // namespace

TEST_CASE("a secret gives its characters to the one who asks for them") {
  CHECK(Secret{std::string{"k3y"}}.reveal() == "k3y");
  CHECK(Secret{std::string{long_key}}.reveal() == long_key);
  CHECK(Secret{}.empty());
  CHECK_FALSE(Secret{std::string{"k"}}.empty());
}

TEST_CASE("the string a secret came in is empty and overwritten") {
  std::string text = long_key;
  const char* block = text.data();
  const Secret secret{std::move(text)};
  CHECK(text.empty());
  CHECK(text.data() == block);
  CHECK(std::string(block, long_key.size()) == std::string(long_key.size(), '\0'));
}

TEST_CASE("a moved-from secret is empty, short ones too") {
  const std::string text = GENERATE(std::string{"short"}, long_key);
  Secret first{std::string{text}};
  Secret second{std::move(first)};
  CHECK(first.empty());
  CHECK(second.reveal() == text);
  Secret third{std::string{"older"}};
  third = std::move(second);
  CHECK(second.empty());
  CHECK(third.reveal() == text);
}

TEST_CASE("a short secret leaves nothing inside the object it was moved from") {
  Secret first{std::string{"sh0rt"}};
  const Secret second{std::move(first)};
  const std::string bytes(reinterpret_cast<const char*>(&first), sizeof first);
  CHECK(bytes.find("sh0rt") == std::string::npos);
}

TEST_CASE("a short secret leaves nothing in the place where it died") {
  alignas(Secret) unsigned char place[sizeof(Secret)];
  auto* secret = new (place) Secret{std::string{"sh0rt"}};
  secret->~Secret();
  const std::string bytes(reinterpret_cast<const char*>(place), sizeof place);
  CHECK(bytes.find("sh0rt") == std::string::npos);
}

TEST_CASE("wiping overwrites all of a string's block, beyond its end too") {
  std::string text = long_key;
  text.resize(3);  // the rest of the key is still in the block
  const char* block = text.data();
  wipe(text);
  CHECK(text.empty());
  CHECK(std::string(block, long_key.size()) == std::string(long_key.size(), '\0'));
}

TEST_CASE("a secret cannot be copied, printed or compared") {
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<Secret>);
  STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<Secret>);
  STATIC_REQUIRE_FALSE(Printable<Secret>);
  STATIC_REQUIRE_FALSE(Comparable<Secret>);
}
