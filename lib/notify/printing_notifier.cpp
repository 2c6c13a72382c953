#include "tradeguard/printing_notifier.hpp"

#include <cerrno>
#include <exception>
#include <memory>
#include <string>

#include "tradeguard/unblocked_output.hpp"

namespace tradeguard {

namespace {

PrintingNotifier::Sink unblocked(std::FILE* stream) {
  return [stream, out = std::make_shared<UnblockedOutput>(::fileno(stream))](std::string_view message) {
    // What the program itself has printed comes first.
    if (std::fflush(stream) != 0) std::clearerr(stream);
    return out->put_now(message);
  };
}

PrintingNotifier::Sink buffered(std::FILE* stream) {
  return [stream](std::string_view message) {
    const bool written =
        std::fwrite(message.data(), 1, message.size(), stream) == message.size() && std::fflush(stream) == 0;
    if (!written) std::clearerr(stream);
    return written;
  };
}

}  // namespace

// A stream in memory has no descriptor, and no reader who could sleep.
PrintingNotifier::PrintingNotifier(std::FILE* stream)
    : sink_{::fileno(stream) >= 0 ? unblocked(stream) : buffered(stream)} {}

Delivery PrintingNotifier::deliver(const Notice& notice, Micros) noexcept {
  try {
    if (sink_(plain_text(notice) + "\n\n")) return Delivered{};
    return TryLater{1s, "the message could not be printed: nobody reads it, or the disk is full"};
  } catch (const std::exception& thrown) {
    return TryLater{1s, thrown.what()};
  } catch (...) {
    return TryLater{1s, "the sink threw"};
  }
}

}  // namespace tradeguard
