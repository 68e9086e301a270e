// Asks a store from C++: the videos with the most views, and the all-time best of each. Reads only, so it never keeps a collection from writing.
//
//     c++ -o watch watch.cpp $(pkg-config --cflags --libs nilometer)
//     ./watch views.db youtube
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

#include <nilometer.h>

namespace {

class Store {
public:
    explicit Store(const std::string &path)
    {
        struct nilometer *n = nullptr;
        int code = nilometer_open(path.c_str(), nullptr, &n);
        handle.reset(n);
        if (code != NILOMETER_OK)
            throw std::runtime_error(nilometer_message(n));
    }

    // Calls f with each row of the answer.
    template <typename F> void each(const std::string &request, F f)
    {
        nilometer_row_fn *call = [](void *ctx, const struct nilometer_row *row) -> int {
            (*static_cast<F *>(ctx))(row);
            return 0;
        };
        if (nilometer_each(handle.get(), request.c_str(), call, &f) != NILOMETER_OK)
            throw std::runtime_error(nilometer_message(handle.get()));
    }

private:
    struct Closer {
        void operator()(struct nilometer *n) const { nilometer_close(n); }
    };
    std::unique_ptr<struct nilometer, Closer> handle;
};

std::string text(const struct nilometer_row *row, size_t column)
{
    const char *p = nilometer_row_text(row, column, nullptr);
    return p != nullptr ? p : "not known";
}

std::string escaped(const std::string &value)
{
    std::string out(3 * value.size() + 1, '\0');
    out.resize(nilometer_escape(value.c_str(), &out[0], out.size()));
    return out;
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::cerr << "usage: watch STORE PLATFORM\n";
        return 2;
    }
    try {
        const std::string platform = "platform=eq." + escaped(argv[2]);
        Store store(argv[1]);
        store.each("content_latest?" + platform + "&select=external_id,day,views,shares&order=views.desc", [](const struct nilometer_row *row) {
            std::cout << text(row, 0) << " on " << text(row, 1) << ": " << text(row, 2) << " views, shares " << text(row, 3) << '\n';
        });
        store.each("content_best?" + platform + "&select=external_id,views&order=external_id", [](const struct nilometer_row *row) {
            std::cout << text(row, 0) << " had at best " << text(row, 1) << " views\n";
        });
    } catch (const std::exception &e) {
        std::cerr << e.what() << '\n';
        return 1;
    }
    return 0;
}
