// A bot as many are: it trusts its memory, and takes a lost answer for a failure.
#include <set>

#include "../alerts.hpp"
#include "../rest_client.hpp"

int main(int, char** words) {
  RestClient exchange{words[1], words[2]};
  std::set<std::string> seen;  // gone with the process
  std::mutex mutex;
  int orders = 0;
  serve(2, [&](const Alert& alert) {
    {
      const std::lock_guard lock{mutex};
      if (!seen.insert(alert.id).second) return;
    }
    for (int attempt = 0; attempt < 3; ++attempt) {
      try {
        std::string id;
        {
          const std::lock_guard lock{mutex};
          id = "bot-" + std::to_string(::getpid()) + "-" + std::to_string(++orders);
        }
        const auto answer =
            exchange.post("/orders", R"({"id": ")" + id + R"(", "symbol": ")" + alert.symbol +
                                         R"(", "side": "BUY", "quantity": ")" +
                                         std::to_string(alert.size) + R"("})");
        if (answer.status == 200) return;  // bought
      } catch (const std::exception& error) {
        std::cerr << alert.symbol << ": " << error.what() << ", sending it again\n";
      }
    }
  });
}
