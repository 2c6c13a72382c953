#include "signal_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <map>
#include <set>
#include <system_error>

#include "tradeguard/json.hpp"
#include "tradeguard/log.hpp"
#include "tradeguard/rules.hpp"

namespace tradeguard::cli {

namespace {

TimeOfSource time_of(const struct stat& status, bool standard_input, Instant now) {
  if (!S_ISREG(status.st_mode) || standard_input) return {.file = std::nullopt, .with_id = now, .read = now};
  const auto since_epoch =
      std::chrono::seconds{status.st_mtim.tv_sec} + std::chrono::nanoseconds{status.st_mtim.tv_nsec};
  return {.file = Instant{std::chrono::duration_cast<Micros>(since_epoch)}, .with_id = std::nullopt, .read = now};
}

tl::unexpected<Error> unreadable(const std::string& path, const std::string& why) {
  return failed(Fault::configuration, "the signals cannot be read: " + path + ": " + why);
}

constexpr std::size_t buffer_size = 256 * 1024;

using Fields = std::map<std::string, std::string, std::less<>>;
tl::expected<Fields, std::string> parse_object(std::string_view line);
struct ReadSignal {
  Signal signal;
  bool timeless;  // it took another time than its own
};
tl::expected<ReadSignal, std::string> read_signal(std::string_view line, int number, const TimeOfSource& time);
std::optional<std::string> unsupported(const Fields& fields);
std::optional<std::string> asks_for_exit(std::string_view line);
std::uint64_t content_of(std::string_view line);

// What is given of many lines: all that can still do something, and of the others the newest.
class Collector {
 public:
  Collector(Instant now, UsefulAge useful) : now_{now}, useful_{useful} {}
  void take(ReadSignal read);
  void reject(RejectedLine line);
  SignalBatch finish() &&;

 private:
  bool stale(const Signal& signal) const;
  void thin_out(std::size_t to);

  Instant now_;
  UsefulAge useful_;
  SignalBatch batch_;
  std::vector<Signal> stale_;
  std::size_t rejected_ = 0;  // of batch_.rejected: those that ask for no exit
  LeftOut stale_left_{.why = LeftOut::Why::stale};
  LeftOut rejected_left_{.why = LeftOut::Why::rejected};
  std::set<int> timeless_;  // lines of the batch that took another time
};

// Cuts a stream of bytes into lines; a line that is too long is counted, not kept.
class LineCutter {
 public:
  LineCutter(Collector& collector, const TimeOfSource& time) : collector_{collector}, time_{time} {}
  void take(std::string_view bytes);
  void finish();
  void reject(std::string reason);
  bool hopeless() const { return hopeless_; }

 private:
  void end_line();
  Collector& collector_;
  TimeOfSource time_;
  std::string line_;
  bool too_long_ = false;
  bool hopeless_ = false;
  int number_ = 1;
};

}  // namespace

Result<SignalBatch> SignalFile::read() {
  const bool standard_input = path_ == "-";
  std::optional<OpenedFile> opened;
  if (!standard_input) {
    // Not blocking: a named pipe without a writer must not hold the run, and with it the lock.
    auto file =
        open_for_reading(path_, {.most_bytes = std::uintmax_t(-1), .pipes = Wanted::Pipes::any, .trusted = trusted_});
    if (!file) {
      distrusted_ = file.error().kind == Distrust::Kind::unsafe;
      return unreadable(path_, file.error().text());
    }
    opened.emplace(std::move(*file));
  }
  const int descriptor = opened ? opened->descriptor() : STDIN_FILENO;
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return unreadable(path_, std::system_category().message(errno));
  if (S_ISDIR(status.st_mode)) return unreadable(path_, std::system_category().message(EISDIR));

  const Instant now = clock_.now();
  TimeOfSource time;
  if (timeless_ == Timeless::takes_file_time) time = time_of(status, standard_input, now);

  Collector collector{now, useful_};
  LineCutter cutter{collector, time};
  // A file ends where it ended when it was opened: one that grows while it is read would hold us.
  const bool ends = S_ISREG(status.st_mode) && !standard_input;
  off_t left = status.st_size;
  constexpr Micros to_stop_reading = 1s;
  std::optional<Micros> stop_seen;
  const Micros began = clock_.monotonic();
  const auto leave = [&](const std::string& why) { cutter.reject(why + "; what comes behind was not read"); };
  std::size_t taken = 0;
  std::vector<char> buffer(buffer_size);
  while (!cutter.hopeless()) {
    // Time, bytes and the stop flag are looked at in every round, whatever is ready: a pipe that drips, and a
    // device that always has something, are never silent.
    pollfd ready{descriptor, POLLIN, 0};
    constexpr int slice = 100;  // milliseconds between two looks at the clock and the stop flag
    const int events = ::poll(&ready, 1, slice);
    const bool silent = events == 0 || (events < 0 && errno == EINTR);
    const Micros moment = clock_.monotonic();
    if (stop_asked_ != nullptr && stop_asked_->load()) {
      // What is there already is still read for a moment: an exit may be in it.
      if (!stop_seen) stop_seen = moment;
      if (silent || moment >= *stop_seen + to_stop_reading) {
        leave("the run was asked to stop");
        break;
      }
    }
    const Micros budget = ends ? longest_reading : patience_;
    // With no patience at all what is there already still counts, and what has ended was not left.
    if (moment - began >= budget && (silent || budget > 0s)) {
      leave(ends ? "the file was not read to its end in " + duration_text(budget)
                 : "the signals were still open after " + duration_text(budget));
      break;
    }
    if (silent) continue;
    ssize_t size = ::read(descriptor, buffer.data(), buffer.size());
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (size < 0) return unreadable(path_, std::system_category().message(errno));
    if (ends) size = std::min<ssize_t>(size, left);
    left -= size;
    if (size == 0) {
      cutter.finish();
      break;
    }
    taken += static_cast<std::size_t>(size);
    cutter.take({buffer.data(), static_cast<std::size_t>(size)});
    if (!ends && taken > most_of_a_pipe) {
      leave("more than " + std::to_string(most_of_a_pipe >> 20) + " MiB came through a pipe");
      break;
    }
  }
  return std::move(collector).finish();
}

namespace {

void LineCutter::take(std::string_view bytes) {
  while (!bytes.empty() && !hopeless_) {
    const auto newline = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, newline);
    if (line_.size() + piece.size() > longest_line + 1)  // one more for a carriage return
      too_long_ = true;
    else
      line_ += piece;
    if (newline == std::string_view::npos) return;
    bytes.remove_prefix(newline + 1);
    end_line();
  }
}

void LineCutter::finish() {
  if (!line_.empty() || too_long_) end_line();
}

// The source itself is broken off here, so nobody knows what an exit behind it would be of.
void LineCutter::reject(std::string reason) {
  collector_.reject({.line = number_, .reason = std::move(reason), .source = true});
}

bool is_utf16(std::string_view beginning) {
  if (beginning.starts_with("\xFF\xFE") || beginning.starts_with("\xFE\xFF")) return true;
  return beginning.starts_with(std::string_view{"{\0", 2}) || beginning.starts_with(std::string_view{"\0{", 2});
}

void LineCutter::end_line() {
  std::string_view line = line_;
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (number_ == 1 && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (number_ == 1 && is_utf16(line)) {
    collector_.reject({number_,
                       "the file is UTF-16, expected UTF-8 (PowerShell: Out-File -Encoding utf8); "
                       "nothing of it was read",
                       std::string{}, content_of(line)});
    hopeless_ = true;
  } else if (too_long_ || line.size() > longest_line) {
    collector_.reject({number_, "the line is longer than " + std::to_string(longest_line) + " bytes",
                       asks_for_exit(line), content_of(line)});
  } else if (line.find_first_not_of(" \t") != std::string_view::npos) {
    if (auto read = read_signal(line, number_, time_))
      collector_.take(std::move(*read));
    else
      collector_.reject({number_, std::move(read.error()), asks_for_exit(line), content_of(line)});
  }
  line_.clear();
  too_long_ = false;
  ++number_;
}

bool Collector::stale(const Signal& signal) const {
  const Micros useful = signal.side == Side::buy ? useful_.entries : useful_.exits;
  return now_ - signal.time > useful;
}

void Collector::take(ReadSignal read) {
  Signal& signal = read.signal;
  if (read.timeless) timeless_.insert(signal.line);
  if (!stale(signal)) {
    batch_.signals.push_back(std::move(signal));
    return;
  }
  stale_.push_back(std::move(signal));
  // Thinned out in large pieces, so that each line costs the same however many there are.
  if (stale_.size() >= 4 * most_of_no_use) thin_out(most_of_no_use);
}

void count_one(LeftOut& left, int line) {
  left.first_line = left.count == 0 ? line : std::min(left.first_line, line);
  left.last_line = std::max(left.last_line, line);
  left.count += 1;
}

// Of the stale ones the newest stay: a strategy's last words are those somebody asks about.
void Collector::thin_out(std::size_t to) {
  if (stale_.size() <= to) return;
  const auto older = stale_.begin() + static_cast<std::ptrdiff_t>(to);
  std::nth_element(stale_.begin(), older, stale_.end(), [](const Signal& a, const Signal& b) {
    return std::pair{a.time, a.line} > std::pair{b.time, b.line};
  });
  for (auto signal = older; signal != stale_.end(); ++signal) count_one(stale_left_, signal->line);
  stale_.erase(older, stale_.end());
}

void Collector::reject(RejectedLine line) {
  // An exit that cannot be read is never one of many.
  if (!line.exit_of && ++rejected_ > most_of_no_use) {
    count_one(rejected_left_, line.line);
    return;
  }
  batch_.rejected.push_back(std::move(line));
}

// A BUY that gives no time was written before every line behind it. With the file's own time, which
// is younger than all of them, it would be bought after the SELL that was to follow it.
void order_timeless(std::vector<Signal>& signals, const std::set<int>& timeless) {
  std::map<Symbol, Instant> next_exit;
  std::sort(signals.begin(), signals.end(), [](const Signal& a, const Signal& b) { return a.line > b.line; });
  for (Signal& signal : signals) {
    if (signal.side == Side::sell && !timeless.contains(signal.line)) {
      const auto [place, is_new] = next_exit.emplace(signal.symbol, signal.time);
      if (!is_new) place->second = std::min(place->second, signal.time);
    } else if (signal.side == Side::buy && timeless.contains(signal.line)) {
      if (const auto exit = next_exit.find(signal.symbol); exit != next_exit.end())
        signal.time = std::min(signal.time, exit->second - Micros{1});
    }
  }
  std::reverse(signals.begin(), signals.end());
}

SignalBatch Collector::finish() && {
  thin_out(most_of_no_use);
  std::move(stale_.begin(), stale_.end(), std::back_inserter(batch_.signals));
  order_timeless(batch_.signals, timeless_);
  for (LeftOut* left : {&stale_left_, &rejected_left_})
    if (left->count > 0) batch_.left_out.push_back(std::move(*left));
  return std::move(batch_);
}

// Collects one flat object; numbers arrive as they are written, so no amount passes through a
// double.
class FlatObject : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, FlatObject> {
 public:
  bool Null() {
    take_name();
    return true;  // a field that says nothing is a field that is not there
  }
  bool Bool(bool) { return no("is true or false, expected a text or a number"); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) { return value({text, size}); }
  bool String(const char* text, rapidjson::SizeType size, bool) { return value({text, size}); }
  bool StartObject() {
    if (depth_++ == 0) return true;
    return no("is an object, expected a text or a number");
  }
  bool StartArray() {
    if (depth_ > 0) return no("is an array, expected a text or a number");
    why_ = "is not a JSON object";
    return false;
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    name_.assign(text, size);
    if (!seen_.emplace(name_, true).second) return no("is given twice");
    return true;
  }

  Fields fields;
  const std::string& why() const { return why_; }

 private:
  bool value(std::string_view text) {
    if (depth_ == 0) {
      why_ = "is not a JSON object";
      return false;
    }
    fields[name_] = text;
    take_name();
    return true;
  }
  void take_name() { name_.clear(); }
  bool no(const std::string& what) {
    why_ = depth_ == 0 ? "is not a JSON object" : escape_value(name_.substr(0, 64)) + " " + what;
    return false;
  }
  std::map<std::string, bool> seen_;
  std::string name_;
  std::string why_;
  int depth_ = 0;
};

tl::expected<Fields, std::string> parse_object(std::string_view line) {
  // The reader would take a NUL for the end and believe the line to be well.
  if (line.find('\0') != std::string_view::npos) return tl::unexpected{std::string{"holds a NUL byte"}};
  // Iterative: a thousand brackets must not cost a thousand stack frames.
  constexpr unsigned flags =
      rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseValidateEncodingFlag | rapidjson::kParseIterativeFlag;
  FlatObject object;
  rapidjson::MemoryStream stream{line.data(), line.size()};
  json::Reader reader;
  const rapidjson::ParseResult result = reader.Parse<flags>(stream, object);
  if (result) return std::move(object.fields);
  if (result.Code() == rapidjson::kParseErrorTermination) return tl::unexpected{object.why()};
  const auto first = line.find_first_not_of(" \t");
  if (first == std::string_view::npos || line[first] != '{')
    return tl::unexpected{
        std::string{"is not JSON, expected one object a line, like "
                    R"({"symbol":"ETH_USDT","side":"BUY","time":"2025-01-01T12:00:07Z"})"}};
  return tl::unexpected{"is not JSON at character " + std::to_string(result.Offset() + 1) + ": " +
                        rapidjson::GetParseError_En(result.Code())};
}

// A count of seconds, or of thousandths or millionths, since 1970 as the time that was probably meant.
std::string as_iso(std::string_view count) {
  constexpr std::array<std::pair<std::size_t, std::int64_t>, 3> units{{{10, 1'000'000}, {13, 1'000}, {16, 1}}};
  const bool digits = std::ranges::all_of(count, [](char c) { return c >= '0' && c <= '9'; });
  for (const auto& [length, micros] : units)
    if (digits && count.size() == length)
      return ", did you mean " + iso_micros(Instant{Micros{std::stoll(std::string{count}) * micros}}) + "?";
  return "";
}

constexpr std::array<std::string_view, 14> known_fields{"symbol",
                                                        "side",
                                                        "time",
                                                        "id",
                                                        "notional",
                                                        "quantity",
                                                        "price",
                                                        "stop_loss_percent",
                                                        "type",
                                                        "strategy",
                                                        "stop_loss_price",
                                                        "take_profit_percent",
                                                        "take_profit_price",
                                                        "percent"};

// Reads the fields one after the other and keeps the first complaint.
class FieldReader {
 public:
  explicit FieldReader(const Fields& fields) : fields_{fields} {}

  const std::string* text(std::string_view name) const {
    const auto found = fields_.find(name);
    return found == fields_.end() ? nullptr : &found->second;
  }
  template <class T>
  void amount(std::string_view name, std::optional<T>& to) {
    const std::string* given = text(name);
    if (given == nullptr || complaint_) return;
    const auto parsed = T::parse(*given);
    if (!parsed || !parsed->is_positive())
      complain(name, *given, "a number above 0, below 10^18 and with at most 18 digits behind the point");
    else
      to = *parsed;
  }
  void complain(std::string_view name, std::string_view value, std::string_view expected) {
    if (!complaint_)
      complaint_ = std::string{name} + " " + escape_value(value.substr(0, 64)) + " is refused, expected " +
                   std::string{expected};
  }
  void complain(std::string what) {
    if (!complaint_) complaint_ = std::move(what);
  }
  const std::optional<std::string>& complaint() const { return complaint_; }

 private:
  const Fields& fields_;
  std::optional<std::string> complaint_;
};

bool is_printable(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

tl::expected<ReadSignal, std::string> read_signal(std::string_view line, int number, const TimeOfSource& time) {
  const auto fields = parse_object(line);
  if (!fields) return relayed(fields);
  if (auto refusal = unsupported(*fields)) return tl::unexpected{std::move(*refusal)};

  FieldReader reader{*fields};
  const auto needed = [&](std::string_view name) -> std::string {
    const std::string* given = reader.text(name);
    if (given == nullptr) reader.complain(std::string{name} + " is missing");
    return given == nullptr ? "" : *given;
  };
  const std::string symbol_text = needed("symbol");
  const auto symbol = Symbol::parse(symbol_text);
  if (!symbol) reader.complain("symbol", symbol_text, "BASE_QUOTE in capitals, like ETH_USDT");
  const std::string side_text = needed("side");
  const auto side = parse_side(side_text);
  if (!side) reader.complain("side", side_text, "BUY or SELL");
  if (reader.complaint()) return tl::unexpected{*reader.complaint()};

  Signal signal{.symbol = *symbol, .side = *side, .time = {}, .strategy = "", .line = number};
  if (const std::string* id = reader.text("id")) {
    if (!is_signal_id(*id)) reader.complain("id", *id, "1 to 64 of A-Z, a-z, 0-9, point, underscore and hyphen");
    signal.id = *id;
  }
  const std::string* const given_time = reader.text("time");
  if (const std::string* given = given_time) {
    const auto parsed = parse_iso(*given);
    if (!parsed) reader.complain("time", *given, "a time with its zone, like 2025-01-01T12:00:07Z" + as_iso(*given));
    signal.time = parsed.value_or(Instant{});
  } else if (signal.id && (time.file || time.with_id)) {
    signal.time = time.file ? *time.file : *time.with_id;
  } else if (signal.side == Side::sell && time.read) {
    signal.time = *time.read;
  } else {
    // Without either it would be another signal in every run that reads it.
    reader.complain(time.read ? "time or id is missing: a BUY needs one of them" : "time is missing");
  }
  reader.amount("notional", signal.notional);
  reader.amount("quantity", signal.quantity);
  reader.amount("price", signal.price);
  reader.amount("stop_loss_percent", signal.stop_loss_percent);
  reader.amount("take_profit_percent", signal.take_profit_percent);
  reader.amount("stop_loss_price", signal.stop_loss_price);
  reader.amount("take_profit_price", signal.take_profit_price);
  reader.amount("percent", signal.percent);
  if (signal.percent && signal.side == Side::buy)
    reader.complain("percent is of a SELL: a BUY says notional or quantity");
  if (signal.percent && *signal.percent > Decimal{100})
    reader.complain("percent", signal.percent->text(), "at most 100");
  if (signal.stop_loss_percent && *signal.stop_loss_percent >= Decimal{100})
    reader.complain("stop_loss_percent", signal.stop_loss_percent->text(), "a percentage below 100");
  const auto fraction = [&](std::string_view name, const std::optional<Decimal>& percent) {
    if (percent && *percent < least_percent)
      reader.complain(name, percent->text(), "at least 0.1: 3 is three per cent, 0.03 is not");
  };
  fraction("stop_loss_percent", signal.stop_loss_percent);
  fraction("take_profit_percent", signal.take_profit_percent);
  const auto one_of = [&](std::string_view one, std::string_view other) {
    if (reader.text(one) && reader.text(other))
      reader.complain(std::string{one} + " and " + std::string{other} + " are both given, expected one of them");
  };
  one_of("notional", "quantity");
  one_of("stop_loss_percent", "stop_loss_price");
  one_of("take_profit_percent", "take_profit_price");
  if (const std::string* strategy = reader.text("strategy")) {
    constexpr std::size_t longest_name = 128;
    if (strategy->size() > longest_name || !is_printable(*strategy))
      reader.complain("strategy", *strategy, "a name of at most 128 bytes without control characters");
    signal.strategy = *strategy;
  }
  if (reader.complaint()) return tl::unexpected{*reader.complaint()};
  return ReadSignal{std::move(signal), given_time == nullptr};
}

// What is understood and not done gets its own words; what is not understood is not ignored, since
// a field may be the one that made the order safe.
std::optional<std::string> unsupported(const Fields& fields) {
  const auto is = [&](std::string_view name, std::string_view value) {
    const auto found = fields.find(name);
    return found != fields.end() && found->second == value;
  };
  for (const std::string_view field : {"margin", "leverage", "margin_mode", "reduce_only"})
    if (fields.contains(field)) return std::string{field} + " is not supported: spot only, no margin";
  if (is("side", "SHORT")) return "side SHORT is not supported: spot, long positions only";
  for (const auto& [name, value] : fields)
    if (std::ranges::find(known_fields, name) == known_fields.end())
      return "unknown field " + escape_value(std::string_view{name}.substr(0, 64));
  if (fields.contains("type") && !is("type", "MARKET"))
    return "type " + escape_value(std::string_view{fields.at("type")}.substr(0, 64)) +
           " is not supported: entries are MARKET orders";
  return std::nullopt;
}

std::string capitals(std::string_view text) {
  std::string result{text};
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return result;
}

// Whether a line that is no signal was meant to be an exit, and of what. It errs on the loud side.
std::optional<std::string> asks_for_exit(std::string_view line) {
  constexpr std::array<std::string_view, 5> words{"SELL", "CLOSE", "EXIT", "FLAT", "SHORT"};
  const auto names_exit = [&](const std::string& text) {
    return std::ranges::any_of(words, [&](std::string_view word) { return text.find(word) != std::string::npos; });
  };
  const std::string text = capitals(line.substr(0, 4096));
  // A side that can be read decides; without one any word that means an exit does.
  const auto fields = parse_object(line);
  const bool has_side = fields && fields->contains("side");
  if (!names_exit(has_side ? capitals(fields->find("side")->second) : text)) return std::nullopt;
  // ETH_USDT, ETH/USDT and ETH-USDT all name the market; what else stands there names nobody's.
  const auto name = text.find("\"SYMBOL\"");
  if (name == std::string::npos) return "";
  const auto open = text.find('"', name + 8);
  const auto close = open == std::string::npos ? open : text.find('"', open + 1);
  if (close == std::string::npos) return "";
  std::string symbol = text.substr(open + 1, close - open - 1);
  std::ranges::replace_if(
      symbol, [](char c) { return c == '/' || c == '-'; }, '_');
  return Symbol::parse(symbol) ? symbol : "";
}

// FNV-1a: it keeps one line from being told twice, and nobody attacks that.
std::uint64_t content_of(std::string_view line) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : line) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

}  // namespace

tl::expected<Signal, RejectedLine> parse_signal(std::string_view line, int number, const TimeOfSource& time) {
  auto read = read_signal(line, number, time);
  if (read) return std::move(read->signal);
  return tl::unexpected{RejectedLine{number, std::move(read.error()), asks_for_exit(line), content_of(line)}};
}

}  // namespace tradeguard::cli
