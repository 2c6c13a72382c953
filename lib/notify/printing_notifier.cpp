#include "tradeguard/printing_notifier.hpp"

#include <cerrno>
#include <exception>
#include <string>

namespace tradeguard {

PrintingNotifier::PrintingNotifier(std::FILE* stream)
    : sink_{[stream](std::string_view message) {
        const bool written =
            std::fwrite(message.data(), 1, message.size(), stream) == message.size() &&
            std::fflush(stream) == 0;
        // A full disk is tried again; the stream would otherwise remember the failure for good.
        if (!written) std::clearerr(stream);
        return written;
      }} {}

Delivery PrintingNotifier::deliver(const Notice& notice, Micros) noexcept {
  try {
    if (sink_(plain_text(notice) + "\n\n")) return Delivered{};
    return TryLater{1s, "the message could not be printed"};
  } catch (const std::exception& thrown) {
    return TryLater{1s, thrown.what()};
  } catch (...) {
    return TryLater{1s, "the sink threw"};
  }
}

}  // namespace tradeguard
