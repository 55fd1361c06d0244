import BuiltPrograms
import Foundation
import MartletTesting
import Testing

@Suite(
    "A shop and its machine",
    .enabled(if: Programs.areBuilt),
    .serialized,
    .timeLimit(.minutes(HangLimit.testMinutes))
)
struct MachineTests {
    /// Runs `body` on a shop, and ends it.
    private func withShop(
        _ options: String...,
        on folder: String,
        _ body: (StockedShop) async throws -> Void
    ) async throws {
        let shop = try RunningShop(options, on: folder)
        do {
            try await body(try await StockedShop(shop))
        } catch {
            _ = try shop.end()
            throw error
        }
        #expect(try shop.end() == 0)
    }

    private func processes(of shop: RunningShop) throws -> [Int32] { try shop.programs.map(shop.process(of:)) }

    @Test("a copy of a running shop's folder runs beside it, with processes, ports and keys of its own")
    func copiedFolder() async throws {
        let files = try TemporaryFolder()
        let copy = files.file("copy")
        try await withShop(on: files.file("first")) { first in
            let before = try processes(of: first.shop)
            // A copy of files that change meanwhile might be of two moments.
            try await first.until("no lag") {
                let groups = try OperatorCLI(folder: first.shop.folder).json(
                    "events",
                    "groups",
                    as: OperatorCLI.Groups.self
                )
                return groups.groups.allSatisfy { $0.lag == 0 } ? true : nil
            }
            try FileManager.default.copyItem(atPath: first.shop.folder, toPath: copy)
            for command in [["status"], ["down"], ["token", "--merchant"], ["events", "topics"]] {
                let outcome = try Programs.martlet.run(command + ["--data", copy])
                #expect(outcome.status == 3, "\(command): \(outcome.text)")
            }
            try await withShop(on: copy) { second in
                #expect(try processes(of: first.shop) == before)
                #expect(Set(try processes(of: second.shop)).isDisjoint(with: before))
                let ports = try [first, second].map { try Set($0.shop.programs.map($0.shop.address(of:))) }
                #expect(ports[0].isDisjoint(with: ports[1]))

                // An order of the first shop's customer is the first shop's.
                let key = "copied-\(before[0])"
                let placed = try await first.retried(.order(key: key)).decoded(PlacedOrder.self).order
                _ = try await first.order(placed.order_id, at: "ORDER_STATUS_COMPLETED")
                let path = "/v1/orders/\(placed.order_id)"
                #expect(try await second.send(ShopRequest(path: path)).status == 404)
                let token = try OperatorCLI(folder: first.shop.folder).text("token", "--customer", "ann")
                let bearer = ShopRequest.Bearer.header("Bearer " + token.trimmingCharacters(in: .newlines))
                #expect(try await first.send(ShopRequest(path: path, bearer: bearer)).status == 200)
                #expect(try await second.send(ShopRequest(path: path, bearer: bearer)).status == 401)
            }
            #expect(try processes(of: first.shop) == before)
            #expect(try await first.send(ShopRequest(path: "/v1/products", bearer: .anonymous)).status == 200)
        }
    }

    @Test("every daemon refuses requests for another system")
    func otherSystem() async throws {
        let files = try TemporaryFolder()
        try await withShop(on: files.file("data")) { stocked in
            for daemon in try stocked.shop.programs {
                let foreign = ShopRequest(
                    path: "/readyz",
                    bearer: .anonymous,
                    headers: ["x-martlet-system": "another"]
                )
                let addresses = [try stocked.shop.address(of: daemon), try stocked.shop.healthAddress(of: daemon)]
                for address in addresses {
                    #expect(try await stocked.send(foreign, to: address).status == 503, "\(daemon) at \(address)")
                }
            }
        }
    }

    @Test(
        "on a full disk a daemon that dies is started again, all answers name the disk, and the shop continues with room",
        .enabled(if: SmallDisk.isPermitted, "only root may mount a small disk")
    )
    func fullDisk() async throws {
        let disk = try SmallDisk()
        try await withShop(on: disk.file("data")) { stocked in
            let shop = stocked.shop
            try disk.fill()
            // What the databases had reserved is used up first; checkpoints may free some again.
            var orders = 0
            let refused = try await stocked.until("a refusal that names the disk") {
                try disk.fill()
                orders += 1
                let response = try await stocked.send(.order(key: "full-\(orders)"))
                return response.status == 503 && "\(response)".contains("disk") ? response : nil
            }
            #expect(refused["Retry-After"] != nil)
            for address in [shop.url, try shop.address(of: "ordersd")] {
                let ready = try await stocked.send(ShopRequest(path: "/readyz", bearer: .anonymous), to: address)
                #expect("\(ready)" == "503 the disk is full\n")
            }
            let status = try Programs.martlet.run(["status", "--data", shop.folder])
            #expect(status.status == 1)
            #expect(status.text.contains("ordersd is not ready: the disk is full"), "\(status.text)")
            #expect(status.text.contains("The disk of \(shop.folder) is full"), "\(status.text)")

            let before = try shop.process(of: "catalogd")
            #expect(try shop.kill("catalogd"))
            try disk.fill()
            _ = try await stocked.until("an answer of the catalogue, or the reason why there is none") {
                let response = try await stocked.send(ShopRequest(path: "/v1/products", bearer: .anonymous))
                return response.status == 200 || "\(response)".contains("disk") ? true : nil
            }
            #expect(isRunning(shop.supervisorID))

            try disk.free()
            try await stocked.until("the shop to be ready by itself") {
                let status = try Programs.martlet.run(["status", "--data", shop.folder])
                return status.status == 0 ? true : nil
            }
            #expect(try shop.process(of: "catalogd") != before)
            let order = try await stocked.retried(.order(key: "after")).decoded(PlacedOrder.self).order
            _ = try await stocked.order(order.order_id, at: "ORDER_STATUS_COMPLETED")

            let daemons = try processes(of: shop)
            try disk.fill()
            let down = try Programs.martlet.run(["down", "--data", shop.folder])
            #expect(down.status == 0, "\(down.text)")
            #expect(daemons.filter(isRunning).isEmpty)
        }
    }

    @Test("folder and files are the owner's, in a folder that was there before")
    func permissions() async throws {
        let files = try TemporaryFolder()
        let folder = files.file("data")
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o755]
        )
        try await withShop(on: folder) { stocked in
            let placed = try await stocked.retried(.order(key: "seen")).decoded(PlacedOrder.self).order
            _ = try await stocked.order(placed.order_id, at: "ORDER_STATUS_COMPLETED")
            let found = try FileManager.default.subpathsOfDirectory(atPath: folder)
            #expect(found.contains("orders.sqlite") && found.contains("orders.sqlite-wal"))
            for path in [folder] + found.map({ "\(folder)/\($0)" }) {
                let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
                #expect((mode ?? 0o777) & 0o077 == 0, "\(path) has mode \(String(mode ?? -1, radix: 8))")
            }
        }
    }

    @Test(
        "a crash is reported at once, by addresses, and the daemon is started again; it states its limit of open files"
    )
    func crash() async throws {
        let files = try TemporaryFolder()
        try await withShop(on: files.file("data")) { stocked in
            let shop = stocked.shop
            let pid = try shop.process(of: "cartsd")
            let log = "\(shop.folder)/logs/cartsd.log"
            func text() throws -> String { try String(contentsOfFile: log, encoding: .utf8) }
            #expect(try text().contains(#""message":"open files""#))
            _ = kill(pid, SIGSEGV)
            try await stocked.until("the report of the crash, or cartsd to be started again") {
                try text().contains("Backtrace took") || shop.restarts(of: "cartsd") == 1 ? true : nil
            }
            // A signal from outside is reported, and does not end the process as a fault of its own does.
            _ = kill(pid, SIGKILL)
            try await stocked.until("cartsd to be started again") {
                try shop.restarts(of: "cartsd") == 1 && shop.isReady("cartsd") ? true : nil
            }
            let report = try text()
            if report.contains("Backtrace took") {
                #expect(report.contains("crashed:") && report.contains("0x0000"))
                #expect(!report.contains(".swift:"), "names are looked up")
            }
        }
    }
}

/// Outside the type, so that the system's function is found.
private func isRunning(_ pid: Int32) -> Bool { kill(pid, 0) == 0 }
