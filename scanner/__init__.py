"""unflub: warns before a post-interview thank-you note explains a flub."""

__version__ = "0.1.0"
