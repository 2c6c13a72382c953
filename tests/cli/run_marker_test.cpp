#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include "run_marker.hpp"
#include "scratch.hpp"

using namespace tradeguard;
using namespace tradeguard::cli;
using test::Scratch;

namespace {

const Instant noon = *parse_iso("2025-01-01T12:00:00Z");

RunMarker at(const Scratch& folder) { return RunMarker{{{folder.file("a.marker")}, {folder.file("b.marker")}}}; }

}  // namespace

TEST_CASE("the marker remembers how many trades are open, and knows nothing before it was told") {
  const Scratch folder;
  const RunMarker marker = at(folder);
  CHECK_FALSE(marker.open_trades());
  CHECK_FALSE(marker.told(Topic::run_failed));
  CHECK(marker.note_open_trades(2, noon));
  CHECK(marker.open_trades() == 2);
  CHECK(marker.note_open_trades(0, noon + 1min));
  CHECK(marker.open_trades() == 0);
  CHECK_FALSE(std::filesystem::exists(folder.file("b.marker")));
}

TEST_CASE("one cause is told once an hour, another one after five minutes, and each topic for itself") {
  const Scratch folder;
  const RunMarker marker = at(folder);
  CHECK(marker.is_due(Topic::run_failed, "no answer after 5001 ms", noon));
  REQUIRE(marker.note_told(Topic::run_failed, "no answer after 5001 ms", noon));
  CHECK_FALSE(marker.is_due(Topic::run_failed, "no answer after 5002 ms", noon + 59min));
  CHECK(marker.is_due(Topic::run_failed, "no answer after 5001 ms", noon + 60min));
  CHECK_FALSE(marker.is_due(Topic::run_failed, "disk full", noon + 4min));
  CHECK(marker.is_due(Topic::run_failed, "disk full", noon + 5min));
  CHECK(marker.is_due(Topic::log_file, "no answer after 5001 ms", noon));
  marker.forget_told(Topic::run_failed, noon + 1min);
  CHECK(marker.is_due(Topic::run_failed, "no answer after 5001 ms", noon + 2min));
}

TEST_CASE("a time from a clock that was ahead does not mute anything") {
  const Scratch folder;
  const RunMarker marker = at(folder);
  REQUIRE(marker.note_told(Topic::run_failed, "x", noon + 720h));
  CHECK(marker.is_due(Topic::run_failed, "x", noon));
}

TEST_CASE("where one place cannot be written the next one is taken, and the newest word counts") {
  const Scratch folder;
  const RunMarker marker{{{folder.file("missing/a.marker")}, {folder.file("b.marker")}}};
  CHECK(marker.note_open_trades(1, noon));
  CHECK(marker.open_trades() == 1);
  const RunMarker both{{{folder.file("a.marker")}, {folder.file("b.marker")}}};
  folder.write("a.marker", folder.read("b.marker"));
  CHECK(both.note_open_trades(3, noon + 1s));
  CHECK(RunMarker{{{folder.file("a.marker")}}}.open_trades() == 3);
  CHECK(RunMarker{{{folder.file("b.marker")}}}.open_trades() == 3);
  CHECK(RunMarker{{{folder.file("b.marker")}, {folder.file("own/state/x.marker"), true}}}.open_trades() == 3);
  CHECK(RunMarker{{{folder.file("own/x.marker"), true}}}.note_open_trades(4, noon));
  CHECK(RunMarker{{}}.note_open_trades(4, noon) == false);
}

TEST_CASE("what is no marker is nothing known, and is not followed elsewhere") {
  const Scratch folder;
  for (const std::string& text : {std::string{}, std::string(1000, 'x'), std::string{"open=2"},
                                  "open=-1 at=2025-01-01T12:00:00Z" + std::string(96, ' ') + "\n",
                                  "open=99999999999 at=2025-01-01T12:00:00Z" + std::string(87, ' ') + "\n"}) {
    INFO(text.substr(0, 30));
    folder.write("a.marker", text);
    CHECK_FALSE(RunMarker{{{folder.file("a.marker")}}}.open_trades());
  }
  folder.write("elsewhere", "precious");
  REQUIRE(::symlink(folder.file("elsewhere").c_str(), folder.file("link.marker").c_str()) == 0);
  CHECK_FALSE(RunMarker{{{folder.file("link.marker")}}}.note_open_trades(1, noon));
  CHECK(folder.read("elsewhere") == "precious");
  REQUIRE(::mkfifo(folder.file("pipe.marker").c_str(), 0600) == 0);
  CHECK_FALSE(RunMarker{{{folder.file("pipe.marker")}}}.open_trades());
}
