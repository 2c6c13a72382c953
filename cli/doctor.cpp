#include "doctor.hpp"

#include <algorithm>
#include <array>

namespace tradeguard::cli {

Found well(std::string what, std::string detail) {
  return found({std::move(what), Judgement::ok, std::move(detail), ""});
}

Found doubtful(std::string what, std::string detail, std::string what_to_do) {
  return found({std::move(what), Judgement::warning, std::move(detail), std::move(what_to_do)});
}

Found problem(std::string what, std::string detail, std::string what_to_do, int code) {
  return {{std::move(what), Judgement::problem, std::move(detail), std::move(what_to_do)}, code};
}

Found problem(std::string what, const Error& error, std::string what_to_do) {
  std::string detail;
  for (const std::string& doing : error.chain) detail += doing + ": ";
  return problem(std::move(what), detail + error.what, std::move(what_to_do), exit_code_of(error));
}

Found found(Finding finding) {
  const int code = finding.judgement == Judgement::problem ? exit_code_of(Error{finding.fault, ""}) : exit_ok;
  return {std::move(finding), code};
}

Found with_the_clock(Found finding, Instant now) {
  const auto says = [&](std::string_view words) { return finding.detail.find(words) != std::string::npos; };
  if (!says("not yet valid") && !says("has expired")) return finding;
  finding.detail += ", by this machine's clock, which says " + iso_seconds(now) + " UTC";
  finding.what_to_do =
      "set the clock first (chrony, systemd-timesyncd); if it is right, the other side's certificate is not";
  return finding;
}

int first_that_applies(const std::vector<Found>& findings) {
  constexpr std::array in_order{exit_configuration, exit_usage,       exit_locked,  exit_internal,
                                exit_critical,      exit_unreachable, exit_rejected};
  for (const int code : in_order)
    if (std::ranges::any_of(findings, [&](const Found& finding) { return finding.code == code; })) return code;
  return exit_ok;
}

}  // namespace tradeguard::cli
