import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * The matrix of the released Java client of Apache Iggy 0.8: every command it has, right and wrong.
 *
 *     Matrix ADDRESS matrix            one line a row
 *     Matrix ADDRESS write STREAM      for the crossing: what other clients must read
 *     Matrix ADDRESS read STREAM...    what others wrote, as lines
 */
public final class Matrix {
    private static final int ROW_SECONDS = 270;

    interface Row {
        void run(Desk desk) throws Exception;
    }

    private static Map<String, Row> rows() {
        Map<String, Row> rows = new LinkedHashMap<>();
        SystemRows.add(rows);
        MessageRows.add(rows);
        StreamRows.add(rows);
        GroupRows.add(rows);
        return rows;
    }

    private static boolean passes(Desk desk, String command, Row row) {
        try {
            CompletableFuture.runAsync(() -> {
                try {
                    row.run(desk);
                } catch (Exception error) {
                    throw new RuntimeException(error);
                }
            }).get(ROW_SECONDS, TimeUnit.SECONDS);
            return true;
        } catch (Exception error) {
            System.err.println("(" + command + ")");
            error.printStackTrace();
            return false;
        }
    }

    private static int matrix(String address) {
        Desk desk = new Desk(address);
        int failed = 0;
        for (Map.Entry<String, Row> each : rows().entrySet()) {
            long begin = System.nanoTime();
            boolean passed = passes(desk, each.getKey(), each.getValue());
            failed += passed ? 0 : 1;
            System.out.printf("%-7s %6.2f s  %s%n", passed ? "ok" : "FAILED",
                    (System.nanoTime() - begin) / 1e9, each.getKey());
        }
        return failed;
    }

    public static void main(String[] arguments) {
        int failed = 0;
        switch (arguments[1]) {
            case "matrix" -> failed = matrix(arguments[0]);
            case "write" -> Crossing.write(new Desk(arguments[0]), arguments[2]);
            case "read" -> Crossing.read(new Desk(arguments[0]), arguments);
            default -> throw new IllegalArgumentException(arguments[1]);
        }
        System.out.flush();
        System.exit(failed > 0 ? 1 : 0);
    }
}
