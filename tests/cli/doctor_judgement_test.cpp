// How doctor judges what it measured: room on a disk, and which exit code comes first.
#include <catch2/catch.hpp>

#include "doctor.hpp"

using namespace tradeguard;
using namespace tradeguard::cli;

namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

Found space(std::uint64_t mebibytes, std::uint64_t files = 10'000, bool read_only = false) {
  return judge_space("the store", "/srv/bot", {mebibytes * mebibyte, files, read_only});
}

}  // namespace

TEST_CASE("a disk that is full, short of files or read-only is a problem, and little room a warning") {
  CHECK(space(4096).judgement == Judgement::ok);
  CHECK(space(500).judgement == Judgement::warning);
  CHECK(space(500).code == exit_ok);
  for (const Found& full : {space(0), space(63), space(4096, 0), space(4096, 99), space(4096, 10'000, true)}) {
    CHECK(full.judgement == Judgement::problem);
    CHECK(full.code == exit_unreachable);
    CHECK(full.detail.find("/srv/bot") != std::string::npos);
    CHECK(full.detail.find("the store") != std::string::npos);
    CHECK_FALSE(full.what_to_do.empty());
  }
  CHECK(space(63).detail.find("63 MiB") != std::string::npos);
}

TEST_CASE("a store on a file system that is emptied is a warning that says when") {
  const auto on = [](const char* what, const char* passing) {
    return judge_space(what, "/srv/bot", {4096 * mebibyte, 10'000, false, passing});
  };
  CHECK(on("the store", "tmpfs").judgement == Judgement::warning);
  CHECK(on("the store", "tmpfs").detail.find("when the machine restarts") != std::string::npos);
  CHECK(on("the store", "overlay").detail.find("when the container is removed") != std::string::npos);
  // A log there is somebody's choice.
  CHECK(on("the log file", "tmpfs").judgement == Judgement::ok);
}

// A clock that is a year off was blamed on the certificate authority.
TEST_CASE("a certificate that is not valid now is first a question of this machine's clock") {
  const Instant now{std::chrono::sys_days{std::chrono::year{2024} / 1 / 1}};
  for (const char* words : {"certificate: certificate is not yet valid", "certificate: certificate has expired"}) {
    const Found finding = with_the_clock(problem("exchange", words, "look at venue.ca_file", exit_unreachable), now);
    CHECK(finding.detail.find("2024-01-01T00:00:00 UTC") != std::string::npos);
    CHECK(finding.what_to_do.starts_with("set the clock first"));
    CHECK(finding.code == exit_unreachable);
  }
  const Found other = with_the_clock(
      problem("exchange", "certificate: self-signed certificate", "look at venue.ca_file", exit_unreachable), now);
  CHECK(other.what_to_do == "look at venue.ca_file");
}

TEST_CASE("doctor ends with the exit code that comes first in the contract, in whatever order things are found") {
  const auto of = [](int code) { return problem("x", "y", "z", code); };
  CHECK(first_that_applies({}) == exit_ok);
  CHECK(first_that_applies({well("a", "b"), doubtful("c", "d", "e")}) == exit_ok);
  CHECK(first_that_applies({of(exit_unreachable), of(exit_critical)}) == exit_critical);
  CHECK(first_that_applies({of(exit_critical), of(exit_locked), of(exit_configuration)}) == exit_configuration);
  CHECK(first_that_applies({of(exit_critical), of(exit_locked)}) == exit_locked);
}
