#include "bench/chart.h"

#include <math.h>

#define WIDTH 900.0
#define HEIGHT 280.0
#define LEFT 80.0
#define RIGHT 20.0
#define TOP 34.0
#define BOTTOM 44.0
#define STEPS 4u
#define X_LABELS_MAX 10u

static const char *const colours[CHART_LINES_MAX] = {"#0b6e99", "#c2571a", "#4b7f2a", "#7a3e9d"};

void chart_write_text(const char *text, FILE *file)
{
    for (const char *c = text; *c != 0; c++) {
        const char *entity = *c == '<'   ? "&lt;"
                             : *c == '>' ? "&gt;"
                             : *c == '&' ? "&amp;"
                             : *c == '"' ? "&quot;"
                                         : NULL;
        if (entity != NULL) {
            (void)fputs(entity, file);
        } else {
            (void)fputc(*c, file);
        }
    }
}

static double largest(const struct chart *chart)
{
    double most = 0;
    for (u32 i = 0; i < chart->lines_count; i++) {
        for (u32 j = 0; j < chart->points; j++) {
            most = fmax(most, chart->lines[i].values[j]);
        }
    }
    return most > 0 ? most * 1.05 : 1;
}

static double x_of(const struct chart *chart, u32 point)
{
    double from = chart->xs[0];
    double to = chart->xs[chart->points - 1];
    double share = to > from ? (chart->xs[point] - from) / (to - from) : 0;
    return LEFT + share * (WIDTH - LEFT - RIGHT);
}

static double y_of(double value, double most)
{
    return HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM);
}

static void write_axes(const struct chart *chart, double most, FILE *file)
{
    for (u32 i = 0; i <= STEPS; i++) {
        double value = most * i / STEPS;
        double y = y_of(value, most);
        fprintf(file,
                "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"grid\"/>"
                "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n",
                LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, value);
    }
    u32 stride = (chart->points + X_LABELS_MAX - 1) / X_LABELS_MAX;
    for (u32 i = 0; i < chart->points; i += stride) {
        fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", x_of(chart, i),
                HEIGHT - BOTTOM + 18);
        if (chart->x_labels != NULL) {
            fprintf(file, "%s</text>\n", chart->x_labels[i]);
        } else {
            fprintf(file, "%.3g</text>\n", chart->xs[i]);
        }
    }
    fprintf(file,
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>"
            "<text x=\"6\" y=\"%.1f\">%s</text>\n",
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, chart->x_unit, TOP - 6, chart->y_unit);
}

static void write_line(const struct chart *chart, u32 line, double most, FILE *file)
{
    fprintf(file, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" points=\"",
            colours[line]);
    for (u32 i = 0; i < chart->points; i++) {
        fprintf(file, "%.1f,%.1f ", x_of(chart, i), y_of(chart->lines[line].values[i], most));
    }
    fprintf(file, "\"/>\n<text x=\"%.1f\" y=\"%.1f\" fill=\"%s\" text-anchor=\"end\">%s</text>\n",
            WIDTH - RIGHT, TOP + 4 + 15.0 * line, colours[line], chart->lines[line].name);
}

void chart_write(const struct chart *chart, FILE *file)
{
    if (chart->points == 0) {
        return;
    }
    double most = largest(chart);
    fprintf(file,
            "<figure><figcaption>%s</figcaption><svg viewBox=\"0 0 %.0f %.0f\" role=\"img\">\n",
            chart->title, WIDTH, HEIGHT);
    write_axes(chart, most, file);
    for (u32 i = 0; i < chart->lines_count; i++) {
        write_line(chart, i, most, file);
    }
    fprintf(file, "</svg></figure>\n");
}
