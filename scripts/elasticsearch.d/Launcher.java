import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;

import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.Node;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.plugins.Plugin;

/**
 * Runs one Elasticsearch node in this process, on loopback only, for tests and the demo.
 * Arguments: the folder for data and logs (with a folder "config" in it), the HTTP port.
 * A signal ends it; the node is closed first, so that its files are whole.
 */
public final class Launcher {
    /** The modules that a plain download would load from its own folders. */
    private static final String[] MODULES = {
        "org.elasticsearch.transport.Netty4Plugin",
        "org.elasticsearch.reindex.ReindexPlugin",
        "org.elasticsearch.index.mapper.MapperExtrasPlugin",
        "org.elasticsearch.join.ParentJoinPlugin",
        "org.elasticsearch.percolator.PercolatorPlugin",
        "org.elasticsearch.search.aggregations.matrix.MatrixAggregationPlugin",
    };

    /** Node's constructor for a given list of plugins is protected. */
    private static final class TestNode extends Node {
        TestNode(Environment environment, Collection<Class<? extends Plugin>> plugins) {
            super(environment, plugins, false);
        }
    }

    private static Settings settings(Path home, String port) {
        return Settings.builder()
            .put("path.home", home.toString())
            .put("node.name", "civicshield-test")
            .put("cluster.name", "civicshield-test")
            .put("discovery.type", "single-node")
            .put("network.host", "127.0.0.1")
            .put("http.port", port)
            .put("transport.port", "0")
            .put("http.type", "netty4")
            .put("transport.type", "netty4")
            // A small disk must not turn the indices of a test read-only.
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .build();
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 2) {
            System.err.println("usage: Launcher FOLDER PORT");
            System.exit(2);
        }
        List<Class<? extends Plugin>> plugins = new ArrayList<>();
        for (String name : MODULES) {
            plugins.add(Class.forName(name).asSubclass(Plugin.class));
        }
        Settings settings = settings(Path.of(arguments[0]).toAbsolutePath(), arguments[1]);
        Node node = new TestNode(InternalSettingsPreparer.prepareEnvironment(
            settings, Map.of(), null, () -> "civicshield-test"), plugins);

        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception e) {
                e.printStackTrace();
            }
        }));
        node.start();
        Thread.currentThread().join();
    }
}
