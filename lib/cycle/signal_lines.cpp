#include "signal_lines.hpp"

#include "tradeguard/time.hpp"

namespace tradeguard {

namespace {

Line rejected(RunReport& report, int line, std::string_view reason) {
  report.rejected += 1;
  return Line{Event::signal_rejected}.add("line", line).add("reason", reason);
}

}  // namespace

// A signal a little ahead of its time waits for a later run; one far ahead says that a clock is wrong.
Line wait_or_reject(const CycleSettings& settings, RunReport& report, const Signal& signal, const Denied& denied) {
  const std::int64_t seconds = seconds_rounded_up(denied.ahead);
  if (denied.ahead <= settings.policy.max_wait)
    return Line{Event::signal_waits}
        .add("line", signal.line)
        .add("signal_key", signal_key(signal))
        .add("ahead_seconds", seconds);
  return rejected(report, signal.line, denied.reason.str())
      .add("ahead_seconds", seconds)
      .add("clock", denied.clock_of_store ? "store" : "host");
}

Line too_old(const RunClock& clock, RunReport& report, const Signal& signal, Micros limit) {
  return rejected(report, signal.line, "stale")
      .add("symbol", signal.symbol.text())
      .add("age_seconds", seconds_rounded_up(clock.now - signal.time))
      .add("limit_seconds", seconds_rounded_up(limit));
}

}  // namespace tradeguard
