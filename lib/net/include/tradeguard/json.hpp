// RapidJSON as the adapters use it: with memory that can be refused, and that is wiped.
//
// RapidJSON's own allocator does not look at what malloc() answers: where there is no memory, the
// next write goes to address 0 and the process ends without a word, perhaps after it has bought.
// These are RapidJSON's types over an allocator that throws std::bad_alloc instead, as the rest of
// the program does. A request holds a key, and a text that grows leaves copies of itself behind; so
// what is given back is overwritten. Code of this project uses these names and not RapidJSON's.
#pragma once

#include <malloc.h>
#include <rapidjson/document.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace tradeguard::json {

// RapidJSON's concept Allocator (rapidjson/allocators.h). Stateless; may be used on any thread.
class Memory {
 public:
  static const bool kNeedFree = true;
  // nullptr for size 0, as RapidJSON asks; throws std::bad_alloc where there is none.
  void* Malloc(std::size_t size) { return size == 0 ? nullptr : there(std::malloc(size)); }
  // Where there is none, what was there stays as it was.
  void* Realloc(void* original, std::size_t before, std::size_t size) {
    void* const grown = Malloc(size);
    if (original != nullptr && grown != nullptr) std::memcpy(grown, original, std::min(before, size));
    Free(original);
    return grown;
  }
  static void Free(void* memory) {
    if (memory != nullptr) ::explicit_bzero(memory, ::malloc_usable_size(memory));
    std::free(memory);
  }

 private:
  static void* there(void* memory) {
    if (memory == nullptr) throw std::bad_alloc{};
    return memory;
  }
};

using Pool = rapidjson::MemoryPoolAllocator<Memory>;
using Value = rapidjson::GenericValue<rapidjson::UTF8<>, Pool>;
using Document = rapidjson::GenericDocument<rapidjson::UTF8<>, Pool, Memory>;
using Reader = rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>, Memory>;
using Buffer = rapidjson::GenericStringBuffer<rapidjson::UTF8<>, Memory>;
using Writer = rapidjson::Writer<Buffer, rapidjson::UTF8<>, rapidjson::UTF8<>, Memory>;

}  // namespace tradeguard::json
