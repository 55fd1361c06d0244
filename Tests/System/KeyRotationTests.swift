import BuiltPrograms
import Foundation
import MartletCore
import MartletTesting
import Testing

@Suite(
    "Rotation of the shop's keys",
    .enabled(if: Programs.areBuilt),
    .serialized,
    .timeLimit(.minutes(HangLimit.testMinutes))
)
struct KeyRotationTests {
    private struct Status: Decodable {
        let signs: String
        let phase: String?
    }

    /// A token that is signed with the key of the moment.
    private func bearer(_ shop: RunningShop) throws -> ShopRequest.Bearer {
        let token = try OperatorCLI(folder: shop.folder).text("token", "--customer", "ann", "--ttl", "15m")
        return .header("Bearer \(token.trimmingCharacters(in: .whitespacesAndNewlines))")
    }

    private func place(_ key: String, as bearer: ShopRequest.Bearer, in stocked: StockedShop) async throws -> Int {
        try await stocked.send(.order(key: key, as: bearer)).status
    }

    @Test("two rotations while orders are placed: none fails, all are completed, and the old keys are withdrawn")
    func twice() async throws {
        let shop = try RunningShop()
        do {
            let stocked = try await StockedShop(shop)
            let cli = OperatorCLI(folder: shop.folder)
            var keys = [try cli.json("keys", "status", as: Status.self).signs]
            let first = try bearer(shop)
            // The first one waits for the tokens of the old key; the second request ends them, and replaces the new key, too.
            _ = try cli.text("keys", "rotate")
            #expect(try cli.json("keys", "status", as: Status.self).phase == "signed")
            #expect(try await place("old-key", as: first, in: stocked) == 200)
            #expect(try await place("new-key", as: bearer(shop), in: stocked) == 200)
            for number in 1...2 {
                async let rotated: Void = rotate(cli)
                var statuses: Set<Int> = []
                for order in 0..<20 {
                    statuses.insert(try await place("\(number)-\(order)", as: bearer(shop), in: stocked))
                }
                try await rotated
                statuses.insert(try await place("\(number)-after", as: bearer(shop), in: stocked))
                #expect(statuses == [200])
                keys.append(try cli.json("keys", "status", as: Status.self).signs)
            }
            #expect(Set(keys).count == 3)
            #expect(try await place("withdrawn", as: first, in: stocked) == 401)
            // Services call each other, and take events, with their new tokens.
            let last = try await stocked.send(.order(key: "last", as: bearer(shop)))
            let id = try last.decoded(PlacedOrder.self).order.order_id
            let current = try bearer(shop)
            _ = try await stocked.until("\(id) completed") { () -> Bool? in
                let response = try await stocked.send(ShopRequest(path: "/v1/orders/\(id)", bearer: current))
                guard response.status == 200 else { return nil }
                return try response.decoded(PlacedOrder.self).order.status == "ORDER_STATUS_COMPLETED" ? true : nil
            }
            #expect(try shop.restarts() == 0)
        } catch {
            _ = try shop.end()
            throw error
        }
        #expect(try shop.end() == 0)
    }

    /// Withdraws the old key, also when its tokens have not ended.
    private func rotate(_ cli: OperatorCLI) async throws {
        _ = try cli.text("keys", "rotate", "--end-tokens", "--wait")
    }
}
