// simulation: whole histories of the real cycle, each decided by one number.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "world.hpp"

using namespace tradeguard;
using namespace tradeguard::sim;

namespace {

struct Wanted {
  std::uint64_t from = 1;
  std::uint64_t seeds = 1000;
  std::optional<std::uint64_t> only_seed;
  std::optional<std::vector<std::size_t>> only;  // these happenings and no others
  Lessons lessons;                               // these and no others; empty: all
  StoreKind store = StoreKind::memory;
  double seconds = 0;  // 0: until all seeds are done
  bool shrink = true;
  bool log = false;
  bool twice = false;
  bool first = false;  // end at the first failure
  bool quiet = false;
};

struct Figures {
  std::int64_t seeds = 0;
  std::int64_t cycles = 0;
  std::map<std::string, std::int64_t> counted;
  std::vector<std::pair<std::uint64_t, std::string>> broken;
  Micros longest_calm_naked{0};
};

struct Outcome {
  std::string broken;
  std::uint64_t hash;
  std::int64_t cycles;
};

std::optional<Wanted> read_arguments(int count, char** words);
Story told_again(const Wanted& wanted, std::uint64_t seed, const std::optional<std::vector<std::size_t>>& only);
Outcome tell(const Story& story, SimStore& store, bool keep_log, Figures* figures);
std::vector<std::size_t> shrunk(const Wanted& wanted, std::uint64_t seed, const std::string& broken);
int explain(const Wanted& wanted);
int search(const Wanted& wanted);
void report(const Wanted& wanted, const Figures& figures, double seconds);
std::string replay_command(const Wanted& wanted, std::uint64_t seed, const std::vector<std::size_t>& kept);

}  // namespace

int main(int count, char** words) {
  const auto wanted = read_arguments(count, words);
  if (!wanted) {
    std::fputs(
        "simulation [--seeds N] [--from S] [--seconds T] [--store memory|sqlite] [--twice] [--first]\n"
        "           [--no-shrink] [--quiet]   runs stories and reports\n"
        "           [--lessons F-6,F-8]       of what the first version taught us tells these and no others\n"
        "simulation --seed S [--only 3,7,9] [--log] [--store memory|sqlite]   tells one story\n",
        stderr);
    return 64;
  }
  return wanted->only_seed ? explain(*wanted) : search(*wanted);
}

namespace {

template <class Number>
bool read_number(const char* word, Number& number) {
  const char* end = word + std::strlen(word);
  return std::from_chars(word, end, number).ptr == end && end != word;
}

std::optional<Wanted> read_arguments(int count, char** words) {
  Wanted wanted;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const auto value = [&](auto& number) { return ++i < count && read_number(words[i], number); };
    bool good = true;
    if (word == "--seeds")
      good = value(wanted.seeds);
    else if (word == "--from")
      good = value(wanted.from);
    else if (word == "--seconds")
      good = value(wanted.seconds);
    else if (word == "--seed")
      good = value(wanted.only_seed.emplace());
    else if (word == "--log")
      wanted.log = true;
    else if (word == "--twice")
      wanted.twice = true;
    else if (word == "--first")
      wanted.first = true;
    else if (word == "--quiet")
      wanted.quiet = true;
    else if (word == "--no-shrink")
      wanted.shrink = false;
    else if (word == "--lessons") {
      std::string list = ++i < count ? words[i] : "";
      for (char* part = std::strtok(list.data(), ","); part != nullptr; part = std::strtok(nullptr, ","))
        wanted.lessons.insert(part);
      good = !wanted.lessons.empty();
    } else if (word == "--store") {
      const std::string kind = ++i < count ? words[i] : "";
      good = kind == "memory" || kind == "sqlite";
      wanted.store = kind == "sqlite" ? StoreKind::sqlite : StoreKind::memory;
    } else if (word == "--only") {
      wanted.only.emplace();
      std::string list = ++i < count ? words[i] : "";
      for (char* part = std::strtok(list.data(), ","); part != nullptr; part = std::strtok(nullptr, ","))
        good = good && read_number(part, wanted.only->emplace_back());
    } else {
      good = false;
    }
    if (!good) return std::nullopt;
  }
  return wanted;
}

Story told_again(const Wanted& wanted, std::uint64_t seed, const std::optional<std::vector<std::size_t>>& only) {
  Story story = story_of(seed, wanted.store == StoreKind::sqlite, wanted.lessons);
  if (!only) return story;
  std::vector<Happening> kept;
  for (const std::size_t index : *only)
    if (index < story.happenings.size()) kept.push_back(story.happenings[index]);
  story.happenings = std::move(kept);
  return story;
}

Outcome tell(const Story& story, SimStore& store, bool keep_log, Figures* figures) {
  World world{story, store, keep_log};
  std::string broken;
  try {
    broken = world.tell();
  } catch (const std::exception& error) {
    broken = std::string{"exception: "} + error.what();
  }
  const bool calm = std::none_of(story.happenings.begin(), story.happenings.end(),
                                 [](const Happening& h) { return is_fault(h.kind); });
  // Without any fault a fill is protected in seconds, unless its owner does not want it sold below the stop.
  const bool waits = world.counted.contains("alarm UNPROTECTED");
  if (broken.empty() && calm && !waits && world.exchange.longest_naked > 15s)
    broken = "P4: naked for " + duration_text(world.exchange.longest_naked) + " on a day without faults";
  if (broken.empty() && calm && world.counted.contains("alarm DRIFT"))
    broken = "drift: somebody was woken on a day without faults";
  if (figures != nullptr) {
    figures->seeds += 1;
    figures->cycles += world.cycles;
    for (const auto& [what, times] : world.counted) figures->counted[what] += times;
    if (calm && !waits)
      figures->longest_calm_naked = std::max(figures->longest_calm_naked, world.exchange.longest_naked);
  }
  if (keep_log)
    for (const std::string& line : world.log) std::printf("%s\n", line.c_str());
  return {broken, world.log_hash, world.cycles};
}

int explain(const Wanted& wanted) {
  const Story story = told_again(wanted, *wanted.only_seed, wanted.only);
  std::printf("seed %llu, exchange %s, %d minutes\n", static_cast<unsigned long long>(story.seed),
              std::string{text(story.exchange)}.c_str(), story.minutes);
  for (std::size_t i = 0; i < story.happenings.size(); ++i)
    std::printf("  %zu  %s\n", wanted.only ? (*wanted.only)[i] : i, text(story.happenings[i]).c_str());
  const auto store = fresh_store(wanted.store);
  const Outcome outcome = tell(story, *store, wanted.log, nullptr);
  std::printf("%s\nhash %016llx, %lld cycles\n",
              outcome.broken.empty() ? "every promise was kept" : ("BROKEN " + outcome.broken).c_str(),
              static_cast<unsigned long long>(outcome.hash), static_cast<long long>(outcome.cycles));
  return outcome.broken.empty() ? 0 : 1;
}

int search(const Wanted& wanted) {
  using clock = std::chrono::steady_clock;
  const auto began = clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(clock::now() - began).count(); };
  Figures figures;
  std::unique_ptr<SimStore> store;
  std::unique_ptr<SimStore> other;
  double said = 0;
  for (std::uint64_t n = 0; n < wanted.seeds; ++n) {
    if (wanted.seconds > 0 && seconds() > wanted.seconds) break;
    const std::uint64_t seed = wanted.from + n;
    // A store of its own for each history in memory; a file takes some before it is thrown away.
    if (wanted.store == StoreKind::memory || n % 50 == 0 || !store) {
      store = fresh_store(wanted.store);
      if (wanted.twice) other = fresh_store(wanted.store);
    }
    const Story story = story_of(seed, wanted.store == StoreKind::sqlite, wanted.lessons);
    Outcome outcome = tell(story, *store, false, &figures);
    if (wanted.twice && outcome.broken.empty()) {
      const Outcome again = tell(story, *other, false, nullptr);
      if (again.hash != outcome.hash) outcome.broken = "the same seed told another story";
    }
    if (!outcome.broken.empty()) {
      figures.broken.emplace_back(seed, outcome.broken);
      std::printf("BROKEN seed %llu: %s\n", static_cast<unsigned long long>(seed), outcome.broken.c_str());
      if (wanted.shrink && figures.broken.size() <= 5) {
        const auto kept = shrunk(wanted, seed, outcome.broken);
        std::printf("  replay: %s\n", replay_command(wanted, seed, kept).c_str());
        for (const std::size_t index : kept) std::printf("    %s\n", text(story.happenings[index]).c_str());
      }
      std::fflush(stdout);
      if (wanted.first || figures.broken.size() >= 50) break;
    }
    if (!wanted.quiet && seconds() - said > 2) {
      said = seconds();
      std::fprintf(stderr, "%llu seeds, %lld cycles, %.0f cycles/s, %zu broken\n",
                   static_cast<unsigned long long>(n + 1), static_cast<long long>(figures.cycles),
                   static_cast<double>(figures.cycles) / said, figures.broken.size());
    }
  }
  if (!wanted.quiet) report(wanted, figures, seconds());
  return figures.broken.empty() ? 0 : 1;
}

// What is left of a failing story when everything it can do without is taken out.
std::vector<std::size_t> shrunk(const Wanted& wanted, std::uint64_t seed, const std::string& broken) {
  const std::string promise = broken.substr(0, broken.find(':'));
  const auto still_fails = [&](const std::vector<std::size_t>& kept) {
    const auto store = fresh_store(wanted.store);
    const std::string now = tell(told_again(wanted, seed, kept), *store, false, nullptr).broken;
    return !now.empty() && now.substr(0, now.find(':')) == promise;
  };
  std::vector<std::size_t> kept(told_again(wanted, seed, std::nullopt).happenings.size());
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = i;
  for (std::size_t chunk = std::max<std::size_t>(1, kept.size() / 2); chunk > 0; chunk /= 2) {
    for (bool smaller = true; smaller;) {
      smaller = false;
      for (std::size_t at = 0; at < kept.size();) {
        std::vector<std::size_t> fewer = kept;
        const auto from = fewer.begin() + static_cast<std::ptrdiff_t>(at);
        fewer.erase(from, from + static_cast<std::ptrdiff_t>(std::min(chunk, fewer.size() - at)));
        if (still_fails(fewer)) {
          kept = std::move(fewer);
          smaller = true;
        } else {
          at += chunk;
        }
      }
    }
  }
  return kept;
}

std::string replay_command(const Wanted& wanted, std::uint64_t seed, const std::vector<std::size_t>& kept) {
  std::string list;
  for (const std::size_t index : kept) list += (list.empty() ? "" : ",") + std::to_string(index);
  std::string with;
  for (const std::string& finding : wanted.lessons) with += (with.empty() ? "" : ",") + finding;
  return "simulation --seed " + std::to_string(seed) + " --only " + (list.empty() ? "-" : list) +
         (wanted.store == StoreKind::sqlite ? " --store sqlite" : "") + (with.empty() ? "" : " --lessons " + with) +
         " --log";
}

void report(const Wanted& wanted, const Figures& figures, double seconds) {
  std::printf("store %s: %lld seeds from %llu, %lld cycles in %.1f s, %.0f cycles/s, %zu broken\n",
              wanted.store == StoreKind::sqlite ? "sqlite" : "memory", static_cast<long long>(figures.seeds),
              static_cast<unsigned long long>(wanted.from), static_cast<long long>(figures.cycles), seconds,
              static_cast<double>(figures.cycles) / std::max(0.001, seconds), figures.broken.size());
  std::printf("longest time without a stop on days without faults: %s\n",
              duration_text(figures.longest_calm_naked).c_str());
  for (const auto& [what, times] : figures.counted)
    std::printf("  %10lld  %s\n", static_cast<long long>(times), what.c_str());
}

}  // namespace
