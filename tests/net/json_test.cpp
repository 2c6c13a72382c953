#include "tradeguard/json.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace tradeguard;

namespace {

// Hands out so many bytes in all, and then none, as a machine does that has no more.
class Little {
 public:
  static const bool kNeedFree = true;
  static inline std::size_t left = 0;
  void* Malloc(std::size_t size) { return take(size) ? memory_.Malloc(size) : refuse(); }
  void* Realloc(void* original, std::size_t before, std::size_t size) {
    return take(size) ? memory_.Realloc(original, before, size) : refuse();
  }
  static void Free(void* memory) { json::Memory::Free(memory); }

 private:
  static bool take(std::size_t size) {
    if (size > left) return false;
    left -= size;
    return true;
  }
  // What json::Memory does where malloc() has none; more than any machine has.
  void* refuse() { return memory_.Malloc(SIZE_MAX / 2); }
  json::Memory memory_;
};

}  // namespace

TEST_CASE("memory that is not there is an exception and not address 0") {
  json::Memory memory;
  CHECK_THROWS_AS(memory.Malloc(SIZE_MAX / 2), std::bad_alloc);
  void* some = memory.Malloc(8);
  CHECK_THROWS_AS(memory.Realloc(some, 8, SIZE_MAX / 2), std::bad_alloc);
  CHECK(memory.Malloc(0) == nullptr);
  CHECK(memory.Realloc(some, 8, 0) == nullptr);
}

TEST_CASE("a body for which the memory ends anywhere throws, and what was read is freed") {
  std::string body = "{\"data\":[";
  for (int i = 0; i < 2000; ++i) body += "{\"price\":\"12345.678901234\",\"id\":5755600460000000002},";
  body += "{}]}";
  constexpr unsigned flags = rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseIterativeFlag;
  using Document = rapidjson::GenericDocument<rapidjson::UTF8<>, rapidjson::MemoryPoolAllocator<Little>, Little>;
  int refused = 0;
  bool read = false;
  for (std::size_t bytes = 0; !read; bytes += 8192) {
    REQUIRE(bytes < 16U << 20);
    Little::left = bytes;
    try {
      Document document;
      document.Parse<flags>(body.data(), body.size());
      read = !document.HasParseError();
      REQUIRE(read);
    } catch (const std::bad_alloc&) {
      ++refused;
    }
  }
  CHECK(refused > 10);
}
