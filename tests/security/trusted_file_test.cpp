// The component by itself: which way a path is followed, and who counts as somebody else.
#include "trusted_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdint>

#include "mallory.hpp"

using namespace tradeguard;
using namespace tradeguard::cli;
using namespace tradeguard::security;

TEST_CASE("a path is followed through its links, and a loop of them ends") {
  const Ground ground;
  ground.write("file", "content");
  REQUIRE(::symlink("file", ground.file("link").c_str()) == 0);
  REQUIRE(::symlink(ground.path().c_str(), ground.file("folder").c_str()) == 0);
  ground.folder("sub", 0755);
  for (const char* name : {"file", "link", "folder/link", "./sub/../folder/./link", "folder/sub/..//file"}) {
    INFO(name);
    CHECK(text_of_file(ground.file(name), {}).value() == "content");
  }
  REQUIRE(::symlink("loop", ground.file("loop").c_str()) == 0);
  CHECK(distrust_of(ground.file("loop"), {}));
  CHECK_FALSE(distrust_of(ground.file("missing"), {}));
  CHECK(text_of_file(ground.file("missing"), {}).error().kind == Distrust::Kind::missing);
  CHECK(text_of_file(ground.file("missing/file"), {}).error().kind == Distrust::Kind::missing);
  CHECK_FALSE(text_of_file("", {}));
  CHECK_FALSE(text_of_file(std::string{"a\0b", 3}, {}));
}

TEST_CASE("content is never more than the cap, also of a file that grows while it is read") {
  const Ground ground;
  ground.write("file", std::string(100, 'x'));
  CHECK(text_of_file(ground.file("file"), {.most_bytes = 100}).value().size() == 100);
  const auto more = text_of_file(ground.file("file"), {.most_bytes = 99});
  REQUIRE_FALSE(more);
  CHECK(more.error().what == "is larger than 99 bytes");
}

TEST_CASE("a link of mallory's is refused, one of root's is followed, in the same sticky folder") {
  NEEDS_ROOT();
  const Ground ground;
  ground.write("file", "content");
  ground.folder("tmp", 01777);
  ground.link(ground.file("file"), "tmp/roots");
  ground.link(ground.file("file"), "tmp/hers", mallory);
  CHECK(text_of_file(ground.file("tmp/roots"), {}));
  const auto refused = text_of_file(ground.file("tmp/hers"), {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == Distrust::Kind::unsafe);
  CHECK(refused.error().mend == "rm " + ground.file("tmp/hers"));
  // Who asks only what it is reads it all the same.
  CHECK(text_of_file(ground.file("tmp/hers"), {.trusted = std::nullopt}));
}

TEST_CASE("an access list that lets another user write is seen behind the bits of the group") {
  NEEDS_ROOT();
  const Ground ground;
  const std::string path = ground.write("file", "content", 0664);
  CHECK_FALSE(distrust_of(path, {}));  // root's group has no other member
  // What `setfacl -m u:65533:rw` sets, as linux/posix_acl_xattr.h has it: version, then tag, rights
  // and id.
  struct Entry {
    std::uint16_t tag;
    std::uint16_t rights;
    std::uint32_t id;
  };
  struct {
    std::uint32_t version = 2;
    Entry entries[5] = {{0x01, 6, ~0U}, {0x02, 6, mallory}, {0x04, 4, ~0U}, {0x10, 6, ~0U}, {0x20, 4, ~0U}};
  } list;
  if (::setxattr(path.c_str(), "system.posix_acl_access", &list, sizeof list, 0) != 0) {
    WARN("SKIPPED: this file system has no access lists");
    return;
  }
  REQUIRE(as_mallory([&] { return attempt_to_open(path, O_WRONLY); }) == "opened");
  const auto distrust = distrust_of(path, {});
  REQUIRE(distrust);
  CHECK(distrust->mend == "setfacl -b " + path);
}

TEST_CASE("a sticky folder protects only if it belongs to somebody trusted") {
  NEEDS_ROOT();
  const Ground ground;
  ground.folder("hers", 01777, mallory, mallory);
  ground.write("hers/file", "content");
  CHECK(distrust_of(ground.file("hers/file"), {}));
  CHECK_FALSE(distrust_of(ground.file("hers/file"), {.trusted = Trusted{.others = {mallory}}}));
}

TEST_CASE("commands for a shell hold the path as it is") {
  CHECK(shell_word("/srv/bot.ini") == "/srv/bot.ini");
  CHECK(shell_word("/srv/my bot's.ini") == "'/srv/my bot'\\''s.ini'");
  CHECK(mode_text(0644) == "0644");
  CHECK(mode_text(01777) == "1777");
}
