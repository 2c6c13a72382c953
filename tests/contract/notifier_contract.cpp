// What every notifier promises: tell one notice, whole, or say why not; never throw, never hang.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "contract.hpp"
#include "notifier_backends.hpp"
#include "tradeguard/file_notifier.hpp"
#include "tradeguard/printing_notifier.hpp"

namespace tradeguard::contract {
namespace {

Notice a_fill(const std::string& event_id = "tg1-e1-abc/filled/1") {
  Notice notice{.event_id = event_id, .type = NoticeType::order_filled};
  notice.trade = "tg1-e1-abc";
  notice.symbol = "ETH_USDT";
  notice.order_id = "4711";
  notice.side = Side::buy;
  notice.facts = {{"quantity", "0.0149"}, {"price", "3350.5"}};
  notice.created_at = Instant{std::chrono::seconds{1'735'732'800}};
  return notice;
}

bool is_delivered(const Delivery& delivery) { return std::holds_alternative<Delivered>(delivery); }

NOTIFIER_CONTRACT("a delivered notice arrives with its type and facts and event id", "[notifier]") {
  REQUIRE(is_delivered(reader.notifier().deliver(a_fill(), 1s)));

  const std::string message = reader.what_arrived();
  // The reader of two deliveries of one notice has to see that they are one.
  for (const char* part : {"ORDER FILLED", "BUY", "ETH_USDT", "0.0149", "3350.5", "tg1-e1-abc/filled/1"})
    CHECK_THAT(message, Catch::Contains(part));
}

NOTIFIER_CONTRACT("notices arrive in the order in which they are told", "[notifier]") {
  for (const char* event : {"first", "second", "third"})
    REQUIRE(is_delivered(reader.notifier().deliver(a_fill(event), 1s)));

  const std::string all = reader.what_arrived();
  CHECK(all.find("first") < all.find("second"));
  CHECK(all.find("second") < all.find("third"));
  CHECK(all.find("third") != std::string::npos);
}

// Claimed as told and then lost is how a CRITICAL once vanished.
NOTIFIER_CONTRACT("what did not get through is tried later and arrives once the way is free", "[notifier]") {
  reader.break_the_way();
  const Delivery refused = reader.notifier().deliver(a_fill(), 1s);
  REQUIRE(std::holds_alternative<TryLater>(refused));
  CHECK(std::get<TryLater>(refused).after > Micros{0});
  CHECK_FALSE(std::get<TryLater>(refused).why.empty());

  reader.mend_the_way();
  CHECK(reader.what_arrived().empty());
  REQUIRE(is_delivered(reader.notifier().deliver(a_fill(), 1s)));
  CHECK_THAT(reader.what_arrived(), Catch::Contains("tg1-e1-abc/filled/1"));
}

// A venue's refusal text is foreign: it may hold markup and newlines that look like facts.
NOTIFIER_CONTRACT("foreign text in a fact cannot forge a line of the message", "[notifier]") {
  Notice notice = a_fill();
  notice.facts = {{"reason", "bad <price> & more\nevent: forged"}};
  REQUIRE(is_delivered(reader.notifier().deliver(notice, 1s)));

  CHECK_THAT(reader.what_arrived(), !Catch::Contains("\nevent: forged"));
  CHECK_THAT(reader.what_arrived(), Catch::Contains("bad <price> & more"));
}

NOTIFIER_CONTRACT("every type of notice can be told", "[notifier]") {
  for (const NoticeRow& row : notice_rows()) {
    Notice notice{.event_id = "event-" + std::string{row.word}, .type = row.type};
    notice.severity = Severity::critical;
    REQUIRE(is_delivered(reader.notifier().deliver(notice, 1s)));
    CHECK_THAT(reader.what_arrived(), Catch::Contains(notice.event_id));
  }
}

NOTIFIER_CONTRACT("a notifier says that it is immediate where there is no network, and only there", "[notifier]") {
  CHECK(reader.notifier().immediate() == !reader.network());
}

// ---- what only the file promises ---------------------------------------------------------------

TEST_CASE("file: the notices of a bot are for its owner's eyes only", "[notifier]") {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/notices";
  const mode_t before = ::umask(0);
  const Delivery delivery = FileNotifier{path}.deliver(a_fill(), 1s);
  ::umask(before);
  REQUIRE(is_delivered(delivery));

  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("file: what is in the file already stays there", "[notifier]") {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/notices";
  REQUIRE(is_delivered(FileNotifier{path}.deliver(a_fill("yesterday"), 1s)));
  REQUIRE(is_delivered(FileNotifier{path}.deliver(a_fill("today"), 1s)));
  CHECK_THAT(contents_of(path), Catch::Contains("yesterday"));
}

TEST_CASE("file: messages of two writers are never mixed", "[notifier]") {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/notices";
  constexpr int messages = 200;
  Notice long_one = a_fill("L");
  long_one.facts = {{"text", std::string(3000, 'x')}};
  Notice short_one = a_fill("S");
  const auto write_many = [&](const Notice& notice) {
    FileNotifier notifier{path};
    for (int i = 0; i < messages; ++i) notifier.deliver(notice, 1s);
  };
  std::thread other{write_many, long_one};
  write_many(short_one);
  other.join();

  std::string rest = contents_of(path);
  int seen = 0;
  while (!rest.empty()) {
    const std::string whole_long = plain_text(long_one) + "\n\n";
    const std::string whole_short = plain_text(short_one) + "\n\n";
    const bool is_long = rest.starts_with(whole_long);
    REQUIRE((is_long || rest.starts_with(whole_short)));
    rest.erase(0, (is_long ? whole_long : whole_short).size());
    ++seen;
  }
  CHECK(seen == 2 * messages);
}

TEST_CASE("file: a full disk and a pipe nobody reads are tried later and do not hang", "[notifier]") {
  CHECK(std::holds_alternative<TryLater>(FileNotifier{"/dev/full"}.deliver(a_fill(), 1s)));

  TemporaryFolder folder;
  const std::string pipe = folder.path() + "/pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(std::holds_alternative<TryLater>(FileNotifier{pipe}.deliver(a_fill(), 1s)));
}

// ---- what only printing promises ---------------------------------------------------------------

TEST_CASE("printing: a stream gets the message at once", "[notifier]") {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/out";
  std::FILE* stream = std::fopen(path.c_str(), "w");
  REQUIRE(stream);
  PrintingNotifier notifier{stream};
  REQUIRE(is_delivered(notifier.deliver(a_fill(), 1s)));
  CHECK_THAT(contents_of(path), Catch::Contains("tg1-e1-abc/filled/1"));
  std::fclose(stream);
}

TEST_CASE("printing: a stream that takes nothing is tried later", "[notifier]") {
  std::FILE* stream = std::fopen("/dev/full", "w");
  REQUIRE(stream);
  PrintingNotifier notifier{stream};
  CHECK(std::holds_alternative<TryLater>(notifier.deliver(a_fill(), 1s)));
  CHECK(std::holds_alternative<TryLater>(notifier.deliver(a_fill(), 1s)));
  std::fclose(stream);
}

}  // namespace
}  // namespace tradeguard::contract
