mod prices;
mod shop;

fn main() -> std::io::Result<()> {
    shop::serve(prices::load())
}
