cat >Server.java <<'JAVA'
import com.sun.net.httpserver.*;
import java.net.*;

public class Server {
    public static void main(String[] arguments) throws Exception {
        var body = "x".repeat(100).getBytes();
        var address = new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0]));
        var server = HttpServer.create(address, 0);
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.getResponseBody().close();
        });
        server.start();
    }
}
JAVA
javac Server.java
