#include "signal_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <system_error>

#include "tradeguard/log.hpp"

namespace tradeguard::cli {

namespace {

// Cuts a stream of bytes into lines; a line that is too long is counted, not kept.
class LineCutter {
 public:
  explicit LineCutter(SignalBatch& batch) : batch_{batch} {}
  void take(std::string_view bytes, const TimeOfSource& time);
  void finish(const TimeOfSource& time);
  void reject(std::string reason) { batch_.rejected.push_back({number_, std::move(reason)}); }
  bool full() const { return number_ > most_lines; }

 private:
  void end_line(const TimeOfSource& time);
  SignalBatch& batch_;
  std::string line_;
  bool too_long_ = false;
  int number_ = 1;
};

struct Descriptor {
  int number;
  bool ours;
  Descriptor(int n, bool o) : number{n}, ours{o} {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (ours && number >= 0) ::close(number);
  }
};

TimeOfSource time_of(const struct stat& status, bool standard_input, Instant now) {
  if (!S_ISREG(status.st_mode) || standard_input) return {.file = std::nullopt, .with_id = now};
  const auto since_epoch = std::chrono::seconds{status.st_mtim.tv_sec} +
                           std::chrono::nanoseconds{status.st_mtim.tv_nsec};
  return {.file = Instant{std::chrono::duration_cast<Micros>(since_epoch)},
          .with_id = std::nullopt};
}

tl::unexpected<Error> unreadable(const std::string& path, int error) {
  return failed(Fault::configuration, "the signals cannot be read: " + path + ": " +
                                          std::system_category().message(error));
}

using Fields = std::map<std::string, std::string, std::less<>>;
tl::expected<Fields, std::string> parse_object(std::string_view line);
std::optional<std::string> unsupported(const Fields& fields);

}  // namespace

Result<SignalBatch> SignalFile::read() {
  const bool standard_input = path_ == "-";
  // Not blocking: a named pipe without a writer must not hold the run, and with it the lock.
  const Descriptor file{
      standard_input ? STDIN_FILENO : ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK),
      !standard_input};
  struct stat status {};
  if (file.number < 0 || ::fstat(file.number, &status) != 0) return unreadable(path_, errno);
  if (S_ISDIR(status.st_mode)) return unreadable(path_, EISDIR);

  TimeOfSource time;
  if (timeless_ == Timeless::takes_file_time) time = time_of(status, standard_input, clock_.now());

  SignalBatch batch;
  LineCutter cutter{batch};
  const Micros give_up = clock_.monotonic() + patience_;
  std::array<char, 65'536> buffer{};
  while (!cutter.full()) {
    // A regular file is always ready; only a pipe can keep us waiting.
    pollfd ready{file.number, POLLIN, 0};
    constexpr int slice = 100;  // milliseconds between two looks at the clock and the stop flag
    const int events = ::poll(&ready, 1, slice);
    const bool asked_to_stop = stop_asked_ != nullptr && stop_asked_->load();
    if (events == 0 || (events < 0 && errno == EINTR)) {
      if (clock_.monotonic() < give_up && !asked_to_stop) continue;
      cutter.reject(asked_to_stop
                        ? "the run was asked to stop; what came later was not read"
                        : "the signals were still open after " + duration_text(patience_) +
                              "; what came later was not read");
      break;
    }
    const ssize_t size = ::read(file.number, buffer.data(), buffer.size());
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (size < 0) return unreadable(path_, errno);
    if (size == 0) break;
    cutter.take({buffer.data(), static_cast<std::size_t>(size)}, time);
  }
  if (cutter.full())
    cutter.reject("more than " + std::to_string(most_lines) + " lines; the rest was not read");
  else
    cutter.finish(time);
  return batch;
}

namespace {

void LineCutter::take(std::string_view bytes, const TimeOfSource& time) {
  while (!bytes.empty() && !full()) {
    const auto newline = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, newline);
    if (line_.size() + piece.size() > longest_line + 1)  // one more for a carriage return
      too_long_ = true;
    else
      line_ += piece;
    if (newline == std::string_view::npos) return;
    bytes.remove_prefix(newline + 1);
    end_line(time);
  }
}

void LineCutter::finish(const TimeOfSource& time) {
  if (!line_.empty() || too_long_) end_line(time);
}

void LineCutter::end_line(const TimeOfSource& time) {
  std::string_view line = line_;
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (number_ == 1 && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (too_long_ || line.size() > longest_line) {
    reject("the line is longer than " + std::to_string(longest_line) + " bytes");
  } else if (line.find_first_not_of(" \t") != std::string_view::npos) {
    if (auto signal = parse_signal(line, number_, time))
      batch_.signals.push_back(std::move(*signal));
    else
      reject(std::move(signal.error()));
  }
  line_.clear();
  too_long_ = false;
  ++number_;
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
  if (line.find('\0') != std::string_view::npos)
    return tl::unexpected{std::string{"holds a NUL byte"}};
  // Iterative: a thousand brackets must not cost a thousand stack frames.
  constexpr unsigned flags = rapidjson::kParseNumbersAsStringsFlag |
                             rapidjson::kParseValidateEncodingFlag | rapidjson::kParseIterativeFlag;
  FlatObject object;
  rapidjson::MemoryStream stream{line.data(), line.size()};
  rapidjson::Reader reader;
  const rapidjson::ParseResult result = reader.Parse<flags>(stream, object);
  if (result) return std::move(object.fields);
  if (result.Code() == rapidjson::kParseErrorTermination) return tl::unexpected{object.why()};
  return tl::unexpected{"is not JSON at character " + std::to_string(result.Offset() + 1) + ": " +
                        rapidjson::GetParseError_En(result.Code())};
}

constexpr std::array<std::string_view, 13> known_fields{"symbol",
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
                                                        "take_profit_price"};

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
      complain(name, *given,
               "a number above 0, below 10^18 and with at most 18 digits behind the point");
    else
      to = *parsed;
  }
  void complain(std::string_view name, std::string_view value, std::string_view expected) {
    if (!complaint_)
      complaint_ = std::string{name} + " " + escape_value(value.substr(0, 64)) +
                   " is refused, expected " + std::string{expected};
  }
  void complain(std::string what) {
    if (!complaint_) complaint_ = std::move(what);
  }
  const std::optional<std::string>& complaint() const { return complaint_; }

 private:
  const Fields& fields_;
  std::optional<std::string> complaint_;
};

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

bool is_printable(std::string_view text) {
  return std::ranges::none_of(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

}  // namespace

tl::expected<Signal, std::string> parse_signal(std::string_view line, int number,
                                               const TimeOfSource& time) {
  const auto fields = parse_object(line);
  if (!fields) return tl::unexpected{fields.error()};
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
    if (!is_id(*id))
      reader.complain("id", *id, "1 to 64 of A-Z, a-z, 0-9, point, underscore and hyphen");
    signal.id = *id;
  }
  if (const std::string* given = reader.text("time")) {
    const auto parsed = parse_iso(*given);
    if (!parsed) reader.complain("time", *given, "a time with its zone, like 2025-01-01T12:00:07Z");
    signal.time = parsed.value_or(Instant{});
  } else if (time.file) {
    signal.time = *time.file;
  } else if (signal.id && time.with_id) {
    signal.time = *time.with_id;
  } else {
    reader.complain(time.with_id ? "time or id is missing; only a file has a time to take instead"
                                 : "time is missing");
  }
  reader.amount("notional", signal.notional);
  reader.amount("quantity", signal.quantity);
  reader.amount("price", signal.price);
  reader.amount("stop_loss_percent", signal.stop_loss_percent);
  reader.amount("take_profit_percent", signal.take_profit_percent);
  reader.amount("stop_loss_price", signal.stop_loss_price);
  reader.amount("take_profit_price", signal.take_profit_price);
  if (signal.stop_loss_percent && *signal.stop_loss_percent >= Decimal{100})
    reader.complain("stop_loss_percent", signal.stop_loss_percent->text(),
                    "a percentage below 100");
  if (signal.notional && signal.quantity)
    reader.complain("notional and quantity are both given, expected one of them");
  if (const std::string* strategy = reader.text("strategy")) {
    constexpr std::size_t longest_name = 128;
    if (strategy->size() > longest_name || !is_printable(*strategy))
      reader.complain("strategy", *strategy,
                      "a name of at most 128 bytes without control characters");
    signal.strategy = *strategy;
  }
  if (reader.complaint()) return tl::unexpected{*reader.complaint()};
  return signal;
}

namespace {

// What is understood and not done gets its own words; what is not understood is not ignored, since
// a field may be the one that made the order safe.
std::optional<std::string> unsupported(const Fields& fields) {
  const auto is = [&](std::string_view name, std::string_view value) {
    const auto found = fields.find(name);
    return found != fields.end() && found->second == value;
  };
  for (const std::string_view field : {"margin", "leverage", "margin_mode", "reduce_only"})
    if (fields.contains(field))
      return std::string{field} + " is not supported: spot only, no margin";
  if (is("side", "SHORT")) return "side SHORT is not supported: spot, long positions only";
  for (const auto& [name, value] : fields)
    if (std::ranges::find(known_fields, name) == known_fields.end())
      return "unknown field " + escape_value(std::string_view{name}.substr(0, 64));
  if (fields.contains("type") && !is("type", "MARKET"))
    return "type " + escape_value(std::string_view{fields.at("type")}.substr(0, 64)) +
           " is not supported: entries are MARKET orders";
  if (is("side", "SELL"))
    for (const std::string_view field : {"quantity", "notional"})
      if (fields.contains(field))
        return std::string{field} +
               " of a SELL is not supported: a SELL leaves the own trades of its symbol, whole";
  return std::nullopt;
}

}  // namespace
}  // namespace tradeguard::cli
