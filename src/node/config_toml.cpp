extern "C" {
#include "base/str.h"
}

#include "node/config_toml.h"

#include <toml++/toml.h>

#include <fstream>
#include <sstream>
#include <string>

namespace
{

struct walk {
    const char *path;
    bool (*on_value)(void *context, const char *key, const char *text);
    void *context;
    struct err *err;
};

/* The value as it would be typed on a command line; false for what no setting takes. */
bool text_of(const toml::node &node, std::string &text)
{
    if (const auto *string = node.as_string()) {
        text = string->get();
        return true;
    }
    if (const auto *integer = node.as_integer()) {
        text = std::to_string(integer->get());
        return true;
    }
    if (const auto *boolean = node.as_boolean()) {
        text = boolean->get() ? "true" : "false";
        return true;
    }
    return false;
}

bool walk_table(const walk &walk, const toml::table &table, const std::string &prefix)
{
    for (const auto &[name, node] : table) {
        std::string key =
            prefix.empty() ? std::string(name.str()) : prefix + "." + std::string(name.str());
        if (const auto *inner = node.as_table()) {
            if (!walk_table(walk, *inner, key)) {
                return false;
            }
            continue;
        }
        std::string text;
        bool list = node.is_array();
        if (!list && !text_of(node, text)) {
            return err_set(walk.err,
                           "%s: the value of \"%s\" is neither text, whole number, true nor false",
                           walk.path, key.c_str());
        }
        if (!walk.on_value(walk.context, key.c_str(), list ? nullptr : text.c_str())) {
            return false;
        }
    }
    return true;
}

} // namespace

extern "C" bool config_toml_read(const char *path,
                                 bool (*on_value)(void *context, const char *key, const char *text),
                                 void *context, struct err *err)
{
    try {
        std::ifstream file(path);
        if (!file) {
            return err_set(err, "%s: cannot be read: check --config and the file's mode", path);
        }
        std::stringstream content;
        content << file.rdbuf();
        toml::table table = toml::parse(content.str(), std::string_view(path));
        return walk_table(walk{path, on_value, context, err}, table, "");
    } catch (const toml::parse_error &error) {
        std::string what(error.description());
        return err_set(err, "%s:%u:%u: %s", path, (unsigned)error.source().begin.line,
                       (unsigned)error.source().begin.column, what.c_str());
    } catch (const std::exception &error) {
        return err_set(err, "%s: %s", path, error.what());
    } catch (...) {
        return err_set(err, "%s: cannot be read", path);
    }
}
